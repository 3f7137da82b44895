"""The run's summary on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pumpwatch_workbench.pages.event_rows import EventRow
from pumpwatch_workbench.pages.terminal import WIDE, fitting_table, tiles_grid, wide_enough
from pumpwatch_workbench.pages.trade_tables import exit_words
from pumpwatch_workbench.pages.words import NOTHING, clock, date_and_clock, price, seconds
from pumpwatch_workbench.play.run.page import notice
from pumpwatch_workbench.play.run.result import RunResult
from pumpwatch_workbench.play.run.tables import VERDICT_WORDS, result_words, tiles

_COLUMNS = (
    "symbol",
    "segment",
    "recorded",
    "onset",
    "detection",
    "delay",
    "entry",
    "exit",
    "result",
    "ended by",
)
_NUMERIC = {"delay", "entry", "exit", "result"}
_REPLAY_ONLY = {"segment", "recorded"}
_LEAST_WANTED = ("ended by", "onset", "segment", "recorded", "exit", "entry", "delay")
"""Columns in the order in which a narrow terminal does without them."""


def print_summary(result: RunResult, console: Console) -> None:
    """Print the events of the run, its totals and whether the invariants held.

    A narrow terminal gets fewer columns; a file or pipe always gets all of them.
    """
    console = wide_enough(console)
    rows = result.rows()
    if rows:
        console.print(_events(result, rows, console.width))
    for pump in result.dropped:
        when = date_and_clock(pump.original_onset)
        console.print(Text(f"Left out: segment {pump.segment}, {when}: {pump.reason}"))
    console.print()
    console.print(tiles_grid(tiles(result)))
    console.print()
    console.print(_invariants(result))
    console.print(Text(notice(result)[0], style="bold"))


def _events(result: RunResult, rows: tuple[EventRow, ...], width: int) -> Table:
    events = [_event_cells(row, width >= WIDE) for row in rows]
    names = [name for name in _COLUMNS if name not in _REPLAY_ONLY or result.kind == "replay"]
    cells = [[Text(event[name]) for name in names] for event in events]
    dropped = [names.index(name) for name in _LEAST_WANTED if name in names]
    left = {n for n, name in enumerate(names) if name not in _NUMERIC}
    table = fitting_table(names, cells, dropped, width - 1, left)
    table.title, table.title_justify, table.title_style = "Events", "left", "bold"
    return table


def _event_cells(row: EventRow, wide: bool) -> dict[str, str]:
    planted, trade = row.planted, row.trade
    recorded = date_and_clock(planted.original_onset if planted else None)
    return {
        "symbol": row.symbol,
        "segment": planted.segment if planted else NOTHING,
        "recorded": recorded if wide else recorded.split()[0],
        "onset": clock(row.time),
        "detection": VERDICT_WORDS[row.verdict].lower(),
        "delay": seconds(row.detected.delay_seconds) if row.detected else NOTHING,
        "entry": price(trade.entry_price) if trade else NOTHING,
        "exit": price(trade.exit_price) if trade else NOTHING,
        "result": result_words(row),
        "ended by": exit_words(trade),
    }


def _invariants(result: RunResult) -> Text:
    if result.ok:
        return Text(
            "Invariants held: every position had its stop, no duplicate order, "
            "journal and exchange agree.",
            style="green",
        )
    lines = [f"Invariants broken ({len(result.invariants_broken)}):"]
    lines += [f"  {broken}" for broken in result.invariants_broken]
    return Text("\n".join(lines), style="bold red")
