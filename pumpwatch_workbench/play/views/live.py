"""A run on a terminal, redrawn in place: what happens next, positions, the pumped coin, news.

It fills the terminal's height and fits its width: what does not fit is left out whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.terminal import fitting_table
from pumpwatch_workbench.pages.trade_tables import side_words
from pumpwatch_workbench.pages.words import clock, money, percent, price, signed_money
from pumpwatch_workbench.play.views.looks import Mover
from pumpwatch_workbench.play.views.plain import PlainView
from pumpwatch_workbench.play.views.price_line import price_line
from pumpwatch_workbench.play.views.view import (
    OpenTrade,
    RunFacts,
    RunView,
    TickSnapshot,
    signal_words,
    trade_words,
)

_NEWS = 40
_PHRASES = re.compile("(?=, | and | from )")
_WORDY_FROM, _AIRY_FROM = 70, 30
"""Columns from which kinds are named; lines from which a blank one separates the parts."""
_REDRAWS_PER_SECOND = 4
_POINTS = 360
"""Points of the line: half an hour at the usual interval."""
_HEADINGS = "", "entry", "price", "stop", "target", "USDT", "result", "time left"


def view_for(console: Console) -> RunView:
    """Return the view that suits the console: drawn on a terminal, plain lines elsewhere."""
    return LiveView(console) if console.is_terminal else PlainView(console)


class LiveView(RunView):
    """Redraw the run in place; the last drawing stays when the run ends, also by Ctrl-C."""

    wants_looks = True

    def __init__(self, console: Console) -> None:
        self._console = console
        self._facts = RunFacts("", start=0)
        self._begun = self._ended = False
        self._progress = ("", 0, 1)
        self._snapshot: TickSnapshot | None = None
        self._start_equity: Decimal | None = None
        # Replaced, never changed in place: the drawing thread may be reading it.
        self._news: tuple[tuple[int, str, str, str], ...] = ()
        self._coin = self._note = ""
        self._live = Live(
            console=console,
            get_renderable=self.render,
            refresh_per_second=_REDRAWS_PER_SECOND,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended = True
        self._live.stop()

    def note(self, text: str) -> None:
        """Show the text under the heading until the next one."""
        self._note = text

    def progress(self, what: str, done: int, total: int) -> None:
        self._progress = (what, done, total)

    def started(self, facts: RunFacts) -> None:
        self._facts, self._begun, self._note = facts, True, ""

    def tick(self, snapshot: TickSnapshot) -> None:
        self._snapshot, self._progress = snapshot, ("", 0, 1)
        if self._start_equity is None:
            self._start_equity = snapshot.equity

    def signal(self, signal: Signal) -> None:
        self._coin = signal.symbol
        self._add_news(signal.time, "signal", "yellow", signal_words(signal))

    def trade(self, time: int, trade: Trade) -> None:
        self._add_news(time, "trade ", "cyan", trade_words(trade))

    def _add_news(self, time: int, kind: str, style: str, words: str) -> None:
        self._news = (*self._news, (time, kind, style, words))[-_NEWS:]

    def render(self) -> RenderableType:
        """Return the whole drawing as it stands, at most a line lower than the terminal."""
        width, height = self._console.size
        head, trades = self._head(width), self._trades()
        gap = int(height >= _AIRY_FROM)
        latest = max(trades, key=lambda trade: trade.position.created, default=None)
        coin = latest.position.symbol if latest else self._coin
        points = self._facts.looks.prices(coin)[-_POINTS:]
        movers = self._facts.looks.movers
        wanted = {
            "positions": (4, max(4, 1 + len(trades))) if self._snapshot else (0, 0),
            "news": (4, 1 + len(self._news)) if self._news else (0, 0),
            "line": (5, 20) if len(points) > 1 else (0, 0),
            "movers": (4, 1 + len(movers)) if movers else (0, 0),
        }
        drawn: dict[str, Callable[[int], RenderableType]] = {
            "positions": lambda n: _positions(trades, n - 1, width, self._now()),
            "line": lambda n: _line(coin, points, latest, width, n),
            "movers": lambda n: _movers(movers[: n - 1], width),
            "news": lambda n: self._news_part(width, n - 1),
        }
        rows = _shares(wanted, height - 1 - len(head), gap)
        parts: list[RenderableType] = [*head]
        for name in (name for name in drawn if name in rows):
            parts += [Text()] * gap + [drawn[name](rows[name])]
        return Group(*parts)

    def _now(self) -> int:
        seen = self._facts.now() if self._begun else None
        return seen or (self._snapshot.time if self._snapshot else self._facts.start)

    def _head(self, width: int) -> list[RenderableType]:
        title = Text.assemble(("Pumpwatch", "bold"), "  ", self._facts.title)
        lines: list[RenderableType] = [title, self._bar(width)]
        if self._snapshot is not None:
            lines += self._state(self._snapshot, width)
        if self._note:
            lines.append(Text(self._note, style="dim"))
        for line in lines:
            if isinstance(line, Text):
                line.truncate(width, overflow="ellipsis")
        return lines

    def _bar(self, width: int) -> RenderableType:
        what, done, total = self._progress
        words, end = [f"{what}: {done} of {total}"] if what else [], self._facts.end
        if self._begun:
            number, ticks = self._snapshot.tick if self._snapshot else 0, self._facts.ticks
            words += [clock(self._now()), f"tick {number}" + (f" of {ticks}" if ticks else "")]
        if self._begun and not what:
            if end is None:
                return Text("  ".join(words))
            total = max(end - self._facts.start, 1)
            done = min(max(self._now() - self._facts.start, 0), total)
        bar = ProgressBar(total=total, completed=done, width=width // 3)
        line = Table.grid(padding=(0, 2))
        line.add_row(bar, f"{100 * done // total} %", _fitted("  ", words, width * 2 // 3 - 10))
        return line

    def _state(self, snapshot: TickSnapshot, width: int) -> list[Text]:
        change = snapshot.equity - (self._start_equity or snapshot.equity)
        equity = Text.assemble("Equity ", (money(snapshot.equity), "bold"), " USDT  ")
        equity.append(signed_money(change), _style(change)).append(" since the start")
        counts = [f"{what} {count:,}" for what, count in snapshot.counts.items()]
        counts.insert(0, f"Open events {snapshot.events_open}")
        lines = [equity, _fitted(", ", counts, width)]
        return lines if self._ended else [equity, self._next(width), *lines[1:]]

    def _next(self, width: int) -> Text:
        """Return what happens next, the soonest first."""
        now = self._now()
        due = {**self._facts.next(), "candle": now // MINUTE * MINUTE + MINUTE}
        known = [each.trade for each in self._trades() if each.trade]
        due |= {f"exit of {trade.symbol}": trade.closes_at for trade in known}
        coming = sorted((time, what) for what, time in due.items())
        words = [f"{what} in {_left(time - now)}" for time, what in coming]
        return Text("Next: ").append_text(_fitted(", ", words, width - 6))

    def _trades(self) -> list[OpenTrade]:
        """Return the open trades at the prices of the last scan."""
        trades = self._snapshot.trades if self._snapshot else ()
        return [self._at_last_price(trade) for trade in trades]

    def _at_last_price(self, trade: OpenTrade) -> OpenTrade:
        position = trade.position
        seen = self._facts.looks.prices(position.symbol)[-1:]
        if not seen:
            return trade
        mark = Decimal(str(seen[0][1]))
        gain = (mark - position.entry_price) * position.quantity
        result = gain if position.side is Side.BUY else -gain
        return replace(trade, position=replace(position, mark_price=mark, unrealised_pnl=result))

    def _news_part(self, width: int, rows: int) -> RenderableType:
        lines = [Text("Signals and trades", style="bold")]
        for time, kind, style, words in self._news[-rows:]:
            named = f"{kind}  " if width >= _WORDY_FROM else ""
            head = Text.assemble((clock(time), "dim"), "  ", (named, style))
            head.append_text(_fitted("", _PHRASES.split(words), width - head.cell_len))
            head.truncate(width, overflow="ellipsis")
            lines.append(head)
        return Group(*lines)


def _shares(wanted: Mapping[str, tuple[int, int]], room: int, gap: int) -> dict[str, int]:
    """Return the lines of each part: in order of importance its least, then by turns more."""
    given = {}
    for name, (least, _) in wanted.items():
        if least and least + gap <= room:
            given[name], room = least, room - least - gap
    while growing := [name for name in given if given[name] < wanted[name][1]][: max(room, 0)]:
        given |= {name: given[name] + 1 for name in growing}
        room -= len(growing)
    return given


def _line(
    coin: str, points: Sequence[tuple[int, float]], trade: OpenTrade | None, width: int, rows: int
) -> RenderableType:
    levels: dict[str, float] = {}
    if trade is not None:
        known = {"stop": trade.position.stop_loss, "target": _target(trade)}
        levels = {name: float(value) for name, value in known.items() if value is not None}
        levels["entry"] = float(trade.position.entry_price)
    (begin, first), (end, last) = points[0], points[-1]
    change = (percent(last / first - 1.0), _style(last - first))
    minutes = f" in {round((end - begin) / MINUTE)} min"
    title = Text.assemble((coin, "bold"), f"  {price(last)}  ", change, minutes)
    return Group(title, *price_line(points, levels, width, rows - 1))


def _movers(movers: Sequence[Mover], width: int) -> Table:
    rows = [
        (
            Text(mover.symbol),
            Text(percent(mover.change), style=_style(mover.change)),
            Text(f"{mover.turnover:,.0f}"),
        )
        for mover in movers
    ]
    return fitting_table(("Movers", "1 min", "24 h, USDT"), rows, (2,), width)


def _positions(trades: Sequence[OpenTrade], rows: int, width: int, now: int) -> Table:
    more = len(trades) - rows
    title = f"Positions ({more} more)" if more > 0 else "Positions" if trades else "No position"
    if not trades:
        return fitting_table((title,), [(Text(),)] * rows, (), width)
    cells = [_position_cells(trade, now) for trade in trades[:rows]]
    # As many lines from tick to tick, so that nothing jumps.
    cells += [(Text(),) * len(_HEADINGS)] * (rows - len(cells))
    return fitting_table((title, *_HEADINGS[1:]), cells, (4, 1, 2, 7, 6, 3), width)


def _position_cells(trade: OpenTrade, now: int) -> tuple[Text, ...]:
    position, known = trade.position, trade.trade
    result, paid = position.unrealised_pnl, position.entry_price * position.quantity
    stop = price(position.stop_loss) if position.stop_loss is not None else "none"
    return (
        Text(f"{position.symbol} {side_words(position.side)}"),
        Text(price(position.entry_price)),
        Text(price(position.mark_price)),
        Text(stop, style="bold red" if position.stop_loss is None else ""),
        Text(price(_target(trade))),
        Text(signed_money(result), style=_style(result)),
        Text(percent(float(result / paid) if paid else None), style=_style(result)),
        Text(_left(known.closes_at - now) if known else ""),
    )


def _target(trade: OpenTrade) -> Decimal | None:
    return trade.position.take_profit or (trade.trade.take_profit if trade.trade else None)


def _left(milliseconds: int) -> str:
    minutes, seconds = divmod(max(milliseconds, 0) // 1000, 60)
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"


def _fitted(separator: str, parts: Sequence[str], width: int) -> Text:
    """Return as many whole parts as fit, and the first in any case."""
    shown = list(parts)
    while len(shown) > 1 and len(separator.join(shown)) > width:
        shown.pop()
    return Text(separator.join(shown))


def _style(value: Decimal | float) -> str:
    if value == 0:
        return ""
    return "green" if value > 0 else "red"
