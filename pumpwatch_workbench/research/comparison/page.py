"""A comparison of journal and simulation as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.chart_style import Figure
from pumpwatch_workbench.pages.line_charts import curve_chart, thinned
from pumpwatch_workbench.pages.tables import ROWS_AT_MOST, Cell, Column, Table, Tile, latest
from pumpwatch_workbench.pages.terminal import terminal_table, wide_enough
from pumpwatch_workbench.pages.trade_tables import amount_cell
from pumpwatch_workbench.pages.words import (
    NOTHING,
    date_and_clock,
    money,
    number,
    share,
    signed_money,
)

from .compare import Comparison, SideFigures

CAUSE_WORDS = {
    "missed": "only the simulation traded",
    "extra": "only the journal has the trade",
    "delay": "the market moved between the simulated time and the journal's",
    "slippage": "fills away from the market's price, beyond the simulated ones",
    "fee": "fees",
    "funding": "funding",
    "size": "another quantity",
    "exit": "another reason to close",
}


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


def comparison_tiles(found: Comparison) -> tuple[Tile, ...]:
    """Return the summary's figures, the most wanted first."""
    journal, simulation = found.journal, found.simulation
    return (
        Tile(
            "Difference",
            f"{signed_money(found.difference)} USDT",
            "journal less simulation, all costs included",
        ),
        Tile("Journal", f"{signed_money(journal.profit)} USDT", _trades(journal)),
        Tile("Simulation", f"{signed_money(simulation.profit)} USDT", _trades(simulation)),
        Tile(
            "Trades paired",
            number(len(found.pairing.both)),
            f"{len(found.pairing.missed)} missed, {len(found.pairing.extra)} extra",
        ),
    )


def sides_table(found: Comparison) -> Table:
    """Return the same figures of both sides."""
    columns = (Column(""), Column("journal", numeric=True), Column("simulation", numeric=True))
    sides = (found.journal, found.simulation)
    rows = (
        ("trades", *(number(one.trades) for one in sides)),
        ("win rate", *(share(one.win_rate) for one in sides)),
        ("net profit, USDT", *(signed_money(one.profit) for one in sides)),
        ("fees, USDT", *(money(one.fees) for one in sides)),
        ("final balance, USDT", *(money(one.balance) for one in sides)),
        ("drawdown", *(share(one.drawdown) for one in sides)),
    )
    cells = tuple(tuple(Cell(text) for text in row) for row in rows)
    return Table("Closed trades of both sides; the same account at the start.", columns, cells)


def causes_table(found: Comparison) -> Table:
    """Return the differences added up by cause."""
    columns = (
        Column("Cause"),
        Column("What it is", prose=True, wide=True),
        Column("Trades", numeric=True),
        Column("USDT", numeric=True),
    )
    rows = [
        (
            Cell(cause),
            Cell(CAUSE_WORDS[cause]),
            Cell(number(sum(bool(one.causes.get(cause)) for one in found.differences))),
            amount_cell(amount),
        )
        for cause, amount in found.by_cause.items()
    ]
    trades, total = Cell(number(len(found.differences))), amount_cell(found.difference)
    rows.append((Cell("together"), Cell("journal less simulation"), trades, total))
    return Table(
        "Why journal and simulation differ; below zero: the journal did worse.",
        columns,
        tuple(rows),
    )


def differences_table(found: Comparison) -> Table:
    """Return each trade's difference with its largest cause."""
    columns = (
        Column("symbol"),
        Column("signal, UTC"),
        Column("difference", numeric=True),
        Column("mostly", prose=True),
        Column("note", prose=True, wide=True),
    )
    rows = []
    for one in found.differences[-ROWS_AT_MOST:]:
        cause, amount = max(one.causes.items(), key=lambda two: abs(two[1]))
        rows.append(
            (
                Cell(one.symbol),
                Cell(date_and_clock(one.time)),
                amount_cell(one.total),
                Cell(f"{cause} {signed_money(amount)}" if amount else NOTHING),
                Cell(one.note),
            )
        )
    caption = latest("Every trade of either side, USDT", len(found.differences))
    return Table(caption, columns, tuple(rows))


def uncovered_symbols(found: Comparison) -> str:
    """Return the symbols that the journal traded and the candles do not have."""
    return ", ".join(sorted({one.symbol for one in found.uncovered}))


def _trades(side: SideFigures) -> str:
    return f"{side.trades} closed trades, {share(side.win_rate)} won" if side.trades else "no trade"


def print_comparison(found: Comparison, console: Console) -> None:
    """Print both sides, each trade's difference with its largest cause, and the sums by cause."""
    console = wide_enough(console)
    console.print(terminal_table(sides_table(found), "Side by side"))
    console.print()
    if found.differences:
        console.print(terminal_table(differences_table(found), "Trades"))
        console.print()
    causes = Grid.grid(padding=(0, 2))
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
