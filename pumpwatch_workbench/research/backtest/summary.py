"""A backtest's summary on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from pumpwatch_workbench.pages.terminal import terminal_table, tiles_grid
from pumpwatch_workbench.research.backtest.page_tables import (
    BacktestReport,
    backtest_tiles,
    denials_table,
    months_table,
)


def print_backtest(report: BacktestReport, console: Console) -> None:
    """Print months, reasons of denials, totals, and what makes the result doubtful."""
    for title, table in (
        ("Months", months_table(report.results)),
        ("Not traded", denials_table(report.results)),
    ):
        if table.rows:
            console.print(terminal_table(table, title))
            console.print()
    console.print(tiles_grid(backtest_tiles(report)))
    console.print()
    for doubt in report.suspicions:
        console.print(Text(f"Doubtful: {doubt}", style="yellow"))
    console.print(Text(f"trades_sha256 {report.results.trades_sha256}"), soft_wrap=True)
