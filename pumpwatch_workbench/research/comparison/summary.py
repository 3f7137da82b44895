"""A comparison of journal and simulation on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pumpwatch_workbench.pages.terminal import terminal_table, wide_enough
from pumpwatch_workbench.pages.words import signed_money
from pumpwatch_workbench.research.comparison.compare import Comparison
from pumpwatch_workbench.research.comparison.page_tables import (
    differences_table,
    sides_table,
    uncovered_symbols,
)


def print_comparison(found: Comparison, console: Console) -> None:
    """Print both sides, each trade's difference with its largest cause, and the sums by cause."""
    console = wide_enough(console)
    console.print(terminal_table(sides_table(found), "Side by side"))
    console.print()
    if found.differences:
        console.print(terminal_table(differences_table(found), "Trades"))
        console.print()
    causes = Table.grid(padding=(0, 2))
    for name, value in found.by_cause.items():
        if value:
            causes.add_row(Text(name), Text(signed_money(value)))
    causes.add_row(Text("difference", style="bold"), Text(f"{signed_money(found.difference)} USDT"))
    console.print(causes)
    if found.open:
        console.print(Text(f"Still open in the journal, left out: {len(found.open)}"))
    if found.uncovered:
        left_out = uncovered_symbols(found)
        console.print(Text(f"Not among the candles, left out: {left_out}", style="yellow"))
