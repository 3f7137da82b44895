"""A run on a terminal: progress, movers, events, positions and equity, redrawn in place."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.trade_tables import side_words
from pumpwatch_workbench.pages.words import clock, money, percent, price, signed_money
from pumpwatch_workbench.play.views.plain import PlainView
from pumpwatch_workbench.play.views.view import (
    RunFacts,
    RunView,
    TickSnapshot,
    signal_words,
    trade_words,
)

_ROWS, _ROWS_WHEN_NARROW = 5, 3
_NEWS = 6
_SIDE_BY_SIDE_FROM = 100
_REDRAWS_PER_SECOND = 8


def view_for(console: Console) -> RunView:
    """Return the view that suits the console: drawn on a terminal, plain lines elsewhere."""
    return LiveView(console) if console.is_terminal else PlainView(console)


class LiveView(RunView):
    """Redraw the run in place; the drawing is gone when the run ends, also by Ctrl-C."""

    shows_movers = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._facts: RunFacts | None = None
        self._snapshot: TickSnapshot | None = None
        self._start_equity: Decimal | None = None
        # Replaced, never changed in place: the drawing thread may be reading it.
        self._news: tuple[Text, ...] = ()
        self._note = ""
        self._live = Live(
            console=console,
            get_renderable=self.render,
            refresh_per_second=_REDRAWS_PER_SECOND,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        """Show the text under the heading until the next one."""
        self._note = text

    def started(self, facts: RunFacts) -> None:
        self._facts = facts
        self._note = ""

    def tick(self, snapshot: TickSnapshot) -> None:
        self._snapshot = snapshot
        if self._start_equity is None:
            self._start_equity = snapshot.equity

    def signal(self, signal: Signal) -> None:
        self._add_news(signal.time, "signal", "yellow", signal_words(signal))

    def trade(self, time: int, trade: Trade) -> None:
        self._add_news(time, "trade ", "cyan", trade_words(trade))

    def render(self) -> RenderableType:
        """Return the whole drawing as it stands."""
        parts: list[RenderableType] = [self._heading()]
        if self._note:
            parts.append(Text(self._note, style="dim"))
        if self._snapshot:
            parts += [Text(), self._tables(self._snapshot)]
        if self._news:
            parts += [Text(), Text("Signals and trades", style="bold"), *self._news]
        return Group(*parts)

    def _add_news(self, time: int, kind: str, style: str, words: str) -> None:
        line = Text.assemble((clock(time), "dim"), "  ", (kind, style), "  ", words)
        line.truncate(max(20, self._console.width - 1), overflow="ellipsis")
        self._news = (*self._news, line)[-_NEWS:]

    def _heading(self) -> RenderableType:
        if self._facts is None:
            return Text("Pumpwatch", style="bold")
        facts, snapshot = self._facts, self._snapshot
        now = snapshot.time if snapshot else facts.start
        of_all = f" of {facts.ticks}" if facts.ticks is not None else ""
        place = Text(f"{clock(now)}  tick {snapshot.tick if snapshot else 0}{of_all}")
        title = Text.assemble(("Pumpwatch", "bold"), "  ", facts.title)
        if facts.end is None:
            return Group(title, place, self._equity_line())
        length = max(facts.end - facts.start, 1)
        done = min(max(now - facts.start, 0), length)
        bar = ProgressBar(total=length, completed=done, width=min(40, self._console.width // 3))
        progress = Table.grid(padding=(0, 2))
        progress.add_row(bar, Text(f"{100 * done // length} %"), place)
        return Group(title, progress, self._equity_line())

    def _equity_line(self) -> Text:
        if self._snapshot is None or self._start_equity is None:
            return Text()
        change = self._snapshot.equity - self._start_equity
        return Text.assemble(
            "Equity ",
            (money(self._snapshot.equity), "bold"),
            " USDT  ",
            (signed_money(change), _style(change)),
            f"  since the start, open events {self._snapshot.events_open}",
        )

    def _tables(self, snapshot: TickSnapshot) -> RenderableType:
        narrow = self._console.width < _SIDE_BY_SIDE_FROM
        rows = _ROWS_WHEN_NARROW if narrow else _ROWS
        movers, positions = _movers_table(snapshot, rows), _positions_table(snapshot, rows)
        if narrow:
            return Group(movers, Text(), positions)
        side_by_side = Table.grid(padding=(0, 4))
        side_by_side.add_row(movers, positions)
        return side_by_side


def _movers_table(snapshot: TickSnapshot, rows: int) -> Table:
    table = _table("Movers", ("symbol", "change", "turnover, USDT"))
    for mover in snapshot.movers[:rows]:
        change = Text(percent(mover.change), style=_style(mover.change))
        table.add_row(Text(mover.symbol), change, f"{mover.turnover:,.0f}")
    _fill_up(table, rows)
    return table


def _positions_table(snapshot: TickSnapshot, rows: int) -> Table:
    more = len(snapshot.positions) - rows
    title = f"Positions ({more} more)" if more > 0 else "Positions"
    table = _table(title, ("symbol", "entry", "mark", "stop", "unrealised, USDT"))
    for position in snapshot.positions[:rows]:
        pnl = Text(signed_money(position.unrealised_pnl), style=_style(position.unrealised_pnl))
        stop = Text(price(position.stop_loss))
        if position.stop_loss is None:
            stop = Text("none", style="bold red")
        table.add_row(
            Text(f"{position.symbol} {side_words(position.side)}"),
            price(position.entry_price),
            price(position.mark_price),
            stop,
            pnl,
        )
    _fill_up(table, rows)
    return table


def _table(title: str, headings: tuple[str, ...]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for heading in headings:
        justify = "left" if heading == "symbol" else "right"
        table.add_column(heading, justify=justify, header_style="dim", no_wrap=True)  # type: ignore[arg-type]
    return table


def _fill_up(table: Table, rows: int) -> None:
    """Keep the drawing's height the same from tick to tick, so that nothing jumps."""
    for _ in range(rows - table.row_count):
        table.add_row("")


def _style(value: Decimal | float) -> str:
    if value == 0:
        return ""
    return "green" if value > 0 else "red"
