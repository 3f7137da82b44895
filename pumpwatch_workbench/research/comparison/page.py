"""A comparison of journal and simulation as one self-contained HTML page."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.candle_charts import Chart
from pumpwatch_workbench.pages.line_charts import curve_chart, realised_profit
from pumpwatch_workbench.pages.tables import (
    ROWS_AT_MOST,
    Column,
    PageTable,
    Tile,
    latest,
    numbers,
    row,
    texts,
)
from pumpwatch_workbench.pages.terminal import print_tables, wide_enough
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


def render_comparison(comparison: Comparison, title: str, subtitle: str) -> str:
    """Return the whole page."""
    charts: dict[str, Chart] = {}
    journal = realised_profit(
        [trade for _, trade in comparison.pairing.both] + list(comparison.pairing.extra)
    )
    simulated = realised_profit(
        [position.trade for position, _ in comparison.pairing.both]
        + [position.trade for position in comparison.pairing.missed]
    )
    if comparison.differences:
        charts["profit"] = curve_chart([("journal", journal), ("simulation", simulated)])
    return render(
        __file__,
        charts,
        title=title,
        subtitle=subtitle,
        tiles=comparison_tiles(comparison),
        profit_words="Realised profit of the journal,"
        f" {signed_money(comparison.journal.profit)} USDT in the end, and of the simulation,"
        f" {signed_money(comparison.simulation.profit)} USDT, as trades closed. Times are UTC.",
        sides=sides_table(comparison),
        causes=causes_table(comparison),
        differences=differences_table(comparison),
        open=len(comparison.open),
        uncovered=uncovered_symbols(comparison),
    )


def comparison_tiles(comparison: Comparison) -> tuple[Tile, ...]:
    """Return the summary's figures, the most wanted first."""
    journal, simulation = comparison.journal, comparison.simulation
    return (
        Tile(
            "Difference",
            f"{signed_money(comparison.difference)} USDT",
            "journal less simulation, all costs included",
        ),
        Tile("Journal", f"{signed_money(journal.profit)} USDT", _trades(journal)),
        Tile("Simulation", f"{signed_money(simulation.profit)} USDT", _trades(simulation)),
        Tile(
            "Trades paired",
            number(len(comparison.pairing.both)),
            f"{len(comparison.pairing.missed)} missed, {len(comparison.pairing.extra)} extra",
        ),
    )


def sides_table(comparison: Comparison) -> PageTable:
    """Return the same figures of both sides."""
    sides = (comparison.journal, comparison.simulation)
    rows = (
        row("trades", *(number(side.trades) for side in sides)),
        row("win rate", *(share(side.win_rate) for side in sides)),
        row("net profit, USDT", *(signed_money(side.profit) for side in sides)),
        row("fees, USDT", *(money(side.fees) for side in sides)),
        row("final balance, USDT", *(money(side.balance) for side in sides)),
        row("drawdown", *(share(side.drawdown) for side in sides)),
    )
    caption = "Closed trades of both sides; the same account at the start."
    return PageTable(caption, (*texts(""), *numbers("journal", "simulation")), rows)


def causes_table(comparison: Comparison) -> PageTable:
    """Return the differences added up by cause."""
    explained = Column("What it is", prose=True, wide=True)
    columns = (*texts("Cause"), explained, *numbers("Trades", "USDT"))
    rows = []
    for cause, amount in comparison.by_cause.items():
        trades = sum(bool(difference.causes.get(cause)) for difference in comparison.differences)
        rows.append(row(cause, CAUSE_WORDS[cause], number(trades), amount_cell(amount)))
    count, total = number(len(comparison.differences)), amount_cell(comparison.difference)
    rows.append(row("together", "journal less simulation", count, total))
    caption = "Why journal and simulation differ; below zero: the journal did worse."
    return PageTable(caption, columns, tuple(rows))


def differences_table(comparison: Comparison) -> PageTable:
    """Return each trade's difference with its largest cause."""
    note = Column("note", prose=True, wide=True)
    mostly = texts("mostly", prose=True)
    columns = (*texts("symbol", "signal, UTC"), *numbers("difference"), *mostly, note)
    rows = []
    for difference in comparison.differences[-ROWS_AT_MOST:]:
        cause, amount = max(difference.causes.items(), key=lambda two: abs(two[1]))
        largest = f"{cause} {signed_money(amount)}" if amount else NOTHING
        when, total = date_and_clock(difference.time), amount_cell(difference.total)
        rows.append(row(difference.symbol, when, total, largest, difference.note))
    caption = latest("Every trade of either side, USDT", len(comparison.differences))
    return PageTable(caption, columns, tuple(rows))


def uncovered_symbols(comparison: Comparison) -> str:
    """Return the symbols that the journal traded and the candles do not have."""
    return ", ".join(sorted({trade.symbol for trade in comparison.uncovered}))


def _trades(side: SideFigures) -> str:
    return f"{side.trades} closed trades, {share(side.win_rate)} won" if side.trades else "no trade"


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Print both sides, each trade's difference with its largest cause, and the sums by cause."""
    console = wide_enough(console)
    tables = {
        "Side by side": sides_table(comparison),
        "Trades": differences_table(comparison),
        "Causes": causes_table(comparison),
    }
    print_tables(console, tables)
    if comparison.open:
        console.print(Text(f"Still open in the journal, left out: {len(comparison.open)}"))
    if comparison.uncovered:
        left_out = uncovered_symbols(comparison)
        console.print(Text(f"Not among the candles, left out: {left_out}", style="yellow"))
