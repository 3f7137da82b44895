"""What the backtest report's tiles and tables say, as text: no markup here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pumpwatch_workbench.pages.tables import Cell, Column, Table, Tile, counts_table
from pumpwatch_workbench.pages.trade_tables import amount_cell
from pumpwatch_workbench.pages.words import (
    money,
    number,
    percent,
    ratio,
    share,
    signed_money,
)
from pumpwatch_workbench.research.backtest.engine import Outcome
from pumpwatch_workbench.research.backtest.results import Results


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What a report is made of."""

    source: str
    """Where the candles are from, as the reader knows it."""
    outcome: Outcome
    results: Results
    suspicions: Sequence[str]
    quote_price: float = 1.0
    """USDT per unit of the candles' own quote currency."""


def backtest_tiles(report: BacktestReport) -> tuple[Tile, ...]:
    """Return the summary's figures, the most wanted first."""
    results, interval = report.results, "no trade"
    if results.win_rate_interval is not None:
        low, high = results.win_rate_interval
        interval = f"95 %: {share(low)} to {share(high)} (Wilson)"
    profit = f"{signed_money(results.net_profit)} USDT"
    return (
        Tile("Net profit", profit, f"{percent(results.net_profit_share)}, all costs included"),
        Tile("Trades", number(results.trades), f"of {results.signals} signals"),
        Tile("Win rate", share(results.win_rate), interval),
        Tile("Fill rate", share(results.fill_rate), f"of {results.entries} entry orders"),
        Tile("Largest drawdown", share(results.max_drawdown), "of the highest equity"),
        Tile("Profit factor", ratio(results.profit_factor), "won over lost"),
        Tile("Sharpe ratio", ratio(results.sharpe), "of daily returns, 365 days a year"),
        Tile("Exposure", share(results.exposure), "of the time with a position"),
        Tile("False signals", share(results.false_signal_share), "belong to no labelled pump"),
        Tile("Fees", f"{money(results.fees)} USDT", f"and {money(results.funding)} of funding"),
    )


def months_table(results: Results) -> Table:
    """Return profit and loss by calendar month."""
    columns = (
        Column("Month"),
        Column("Trades", numeric=True),
        Column("Won", numeric=True),
        Column("Result, USDT", numeric=True),
        Column("Share", numeric=True),
        Column("Drawdown", numeric=True, wide=True),
    )
    rows = tuple(
        (
            Cell(one.name),
            Cell(number(one.trades)),
            Cell(number(one.won)),
            amount_cell(one.profit),
            Cell(percent(one.profit_share)),
            Cell(share(one.drawdown)),
        )
        for one in results.months
    )
    return Table("Months by the exits of their trades, UTC.", columns, rows)


def denials_table(results: Results) -> Table:
    """Return why signals were not traded."""
    return counts_table("Signals that gave no trade.", "Reason", results.denials)
