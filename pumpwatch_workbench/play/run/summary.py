"""The run's summary on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pumpwatch_workbench.pages.terminal import fitting_table, tiles_grid, wide_enough
from pumpwatch_workbench.pages.words import date_and_clock
from pumpwatch_workbench.play.run.page import notice
from pumpwatch_workbench.play.run.result import RunResult
from pumpwatch_workbench.play.run.tables import events_table, tiles

_WIDE = 160
"""Columns of what goes to a file or a pipe: enough for the whole table."""


def print_summary(result: RunResult, console: Console) -> None:
    """Print the events of the run, its totals and whether the invariants held.

    A narrow terminal gets fewer columns; a file or pipe always gets all of them.
    """
    console = wide_enough(console, _WIDE)
    if rows := result.rows():
        console.print(_events(result, len(rows), console.width))
    for pump in result.dropped:
        when = date_and_clock(pump.original_onset)
        console.print(Text(f"Left out: segment {pump.segment}, {when}: {pump.reason}"))
    console.print()
    console.print(tiles_grid(tiles(result)))
    console.print()
    console.print(_invariants(result))
    console.print(Text(notice(result)[0], style="bold"))


def _events(result: RunResult, count: int, width: int) -> Table:
    events = events_table(result, [""] * count)
    headings = [column.heading for column in events.columns]
    cells = [[Text(cell.text) for cell in row] for row in events.rows]
    dropped = [n for n, column in enumerate(events.columns) if column.wide]
    left = {n for n, column in enumerate(events.columns) if not column.numeric}
    table = fitting_table(headings, cells, dropped[::-1], width - 1, left)
    table.title, table.title_justify, table.title_style = "Events", "left", "bold"
    return table


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
