"""A comparison of journal and simulation on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from workbench.comparison.compare import Comparison
from workbench.comparison.sides import Figures
from workbench.reports.formats import NOTHING, date_and_clock, signed_money

__all__ = ["print_comparison"]

WIDE = 120


def print_comparison(found: Comparison, console: Console) -> None:
    """Print both sides, each trade's difference with its largest cause, and the sums by cause."""
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    console.print(_sides(found))
    console.print()
    if found.differences:
        console.print(_differences(found))
        console.print()
    causes = Table.grid(padding=(0, 2))
    for name, value in found.by_cause.items():
        if value:
            causes.add_row(Text(name), Text(signed_money(value)))
    total = found.journal.profit - found.simulation.profit
    causes.add_row(Text("difference", style="bold"), Text(f"{signed_money(total)} USDT"))
    console.print(causes)
    if found.open:
        console.print(Text(f"Still open in the journal, left out: {len(found.open)}"))
    if found.uncovered:
        symbols = ", ".join(sorted({one.symbol for one in found.uncovered}))
        console.print(Text(f"Not among the candles, left out: {symbols}", style="yellow"))


def _sides(found: Comparison) -> Table:
    table = Table(title="Side by side", title_justify="left", title_style="bold", box=None)
    table.add_column("")
    for name in ("journal", "simulation"):
        table.add_column(name, header_style="dim", justify="right")
    for name, words in (
        ("trades", lambda one: str(one.trades)),
        ("win rate", _win_rate),
        ("net profit, USDT", lambda one: signed_money(one.profit)),
        ("final balance, USDT", lambda one: f"{one.balance:,.2f}"),
        ("drawdown", lambda one: f"{one.drawdown:.2%}"),
    ):
        table.add_row(name, words(found.journal), words(found.simulation))
    return table


def _win_rate(side: Figures) -> str:
    return NOTHING if side.win_rate is None else f"{side.win_rate:.0%}"


def _differences(found: Comparison) -> Table:
    table = Table(title="Trades", title_justify="left", title_style="bold", box=None)
    for name in ("symbol", "signal"):
        table.add_column(name, header_style="dim", no_wrap=True)
    table.add_column("difference", header_style="dim", justify="right", no_wrap=True)
    table.add_column("mostly", header_style="dim", no_wrap=True)
    table.add_column("", header_style="dim")
    for one in found.differences:
        cause, amount = max(one.causes.items(), key=lambda two: abs(two[1]))
        mostly = f"{cause} {signed_money(amount)}" if amount else NOTHING
        table.add_row(
            Text(one.symbol),
            Text(date_and_clock(one.time)),
            Text(signed_money(one.total)),
            Text(mostly),
            Text(one.note),
        )
    return table
