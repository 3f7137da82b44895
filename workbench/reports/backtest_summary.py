"""A backtest's summary on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.reports.backtest_page import (
    BacktestReport,
    backtest_tiles,
    denials_table,
    months_table,
)
from workbench.reports.tables import Table as Cells

__all__ = ["print_backtest"]


def print_backtest(report: BacktestReport, console: Console) -> None:
    """Print months, reasons of denials, totals, and what makes the result doubtful."""
    for title, cells in (
        ("Months", months_table(report.results)),
        ("Not traded", denials_table(report.results)),
    ):
        if cells.rows:
            console.print(_table(title, cells))
            console.print()
    totals = Table.grid(padding=(0, 2))
    totals.add_column(style="dim")
    totals.add_column(justify="right", style="bold")
    totals.add_column(style="dim")
    for tile in backtest_tiles(report):
        totals.add_row(tile.label, Text(tile.value), Text(tile.note))
    console.print(totals)
    console.print()
    for doubt in report.suspicions:
        console.print(Text(f"Doubtful: {doubt}", style="yellow"))
    console.print(Text(f"trades_sha256 {report.results.trades_sha256}"), soft_wrap=True)


def _table(title: str, cells: Cells) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None)
    for column in cells.columns:
        table.add_column(
            column.heading, header_style="dim", justify="right" if column.numeric else "left"
        )
    for row in cells.rows:
        table.add_row(*(Text(cell.text) for cell in row))
    return table
