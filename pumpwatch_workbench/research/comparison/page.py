"""A comparison of journal and simulation as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.chart_style import Figure
from pumpwatch_workbench.pages.line_charts import curve_chart, thinned
from pumpwatch_workbench.pages.terminal import terminal_table, wide_enough
from pumpwatch_workbench.pages.words import date_and_clock, signed_money
from pumpwatch_workbench.research.comparison.compare import Comparison
from pumpwatch_workbench.research.comparison.page_tables import (
    causes_table,
    comparison_tiles,
    differences_table,
    sides_table,
    uncovered_symbols,
)


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """A comparison, and what was compared. Times in milliseconds UTC."""

    found: Comparison
    source: str
    """Where the candles are from, as the reader knows it."""
    strategy: str
    detector: str
    begin: int
    end: int


def render_comparison(report: ComparisonReport) -> str:
    """Return the whole page."""
    found = report.found
    figures: dict[str, Figure] = {}
    journal = _profit([trade for _, trade in found.pairing.both] + list(found.pairing.extra))
    simulated = _profit(
        [one.trade for one, _ in found.pairing.both] + [one.trade for one in found.pairing.missed]
    )
    if found.differences:
        figures["profit"] = curve_chart(
            [("journal", thinned(journal)), ("simulation", thinned(simulated))]
        )
        figures["causes"] = _causes_chart(found)
    return render(
        __file__,
        figures,
        title=f"Pumpwatch comparison: {report.strategy}",
        subtitle=f"{date_and_clock(report.begin)} to {date_and_clock(report.end)} UTC"
        f" · candles of {report.source} · detector {report.detector}",
        tiles=comparison_tiles(found),
        profit_words=f"Realised profit of the journal, {signed_money(found.journal.profit)} USDT in"
        f" the end, and of the simulation, {signed_money(found.simulation.profit)} USDT, as trades"
        " closed. Times are UTC.",
        sides=sides_table(found),
        causes=causes_table(found),
        differences=differences_table(found),
        open=len(found.open),
        uncovered=uncovered_symbols(found),
    )


def _profit(trades: Sequence[Trade]) -> list[tuple[int, Decimal]]:
    """Return the realised profit after each trade that closed, from nothing at the first entry."""
    closed = sorted(trades, key=lambda one: (one.exit_time or 0, one.signal_id))
    points = [(min(one.created for one in closed), Decimal(0))] if closed else []
    total = Decimal(0)
    for one in closed:
        total += one.realised_pnl
        points.append((one.exit_time or 0, total))
    return points


def _causes_chart(found: Comparison) -> Figure:
    """Return a bar for each cause that made a difference."""
    causes = [(name, float(value)) for name, value in found.by_cause.items() if value]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": [round(value, 2) for _, value in causes],
        "y": [name for name, _ in causes],
        "hovertemplate": "%{y}: %{x:,.2f} USDT<extra></extra>",
    }
    layout: Figure = {
        "margin": {"l": 10, "b": 44},
        "xaxis": {
            "title": {"text": "USDT"},
            "zeroline": True,
            "zerolinecolor": "var(--muted)",
        },
        "yaxis": {"side": "left", "autorange": "reversed", "showgrid": False},
    }
    return {"data": [bars], "layout": layout}


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
