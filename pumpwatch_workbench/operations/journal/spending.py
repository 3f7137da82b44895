"""Costs of trading and running: fees, funding, slippage, and an estimate of AWS's bill."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.moments import HOUR
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, Trade
from pumpwatch_workbench.operations.journal.period import Period

ZERO = Decimal(0)
HOURS_OF_A_MONTH = 730


@dataclass(frozen=True, slots=True)
class Slippage:
    """Loss of fills against the plan, USDT; below zero: a gain."""

    trades: int
    """Trades whose planned price is known."""
    usdt: Decimal
    notional: Decimal
    """Notional at the planned prices, USDT."""

    @property
    def share(self) -> float | None:
        """Return the slippage as a share of the notional."""
        return float(self.usdt / self.notional) if self.notional else None


@dataclass(frozen=True, slots=True)
class AwsEstimate:
    """US dollars, from measurements and list prices: no bill."""

    dollars: float
    dollars_a_month: float
    symbols: int
    scan_seconds: int


@dataclass(frozen=True, slots=True)
class Spending:
    """Money in USDT, apart from AWS's dollars. Slippage is part of the trades' results already."""

    trades: int
    """Trades with a position."""
    fees: Decimal
    funding: Decimal
    """Paid; below zero: received."""
    entry_slippage: Slippage
    """Slippage from the book's best price when the entry was sized."""
    stop_slippage: Slippage
    """Slippage from the stop's price, of the trades that their stop ended."""
    aws: AwsEstimate | None
    """None: nothing ran on AWS, or it was not measured."""


def spending_of(period: Period) -> Spending:
    """Return what the period's trades and its running cost."""
    trades = period.trades
    return Spending(
        trades=sum(trade.entry_time is not None for trade in trades),
        fees=sum((trade.fees for trade in trades), ZERO),
        funding=sum((trade.funding for trade in trades), ZERO),
        entry_slippage=_entries(trades),
        stop_slippage=_stops(trades),
        aws=_aws(period),
    )


def _entries(trades: Sequence[Trade]) -> Slippage:
    """Return by how much entries were filled worse than planned: a buy higher, a sale lower."""
    return _slippage(
        (trade.planned_price, trade.entry_price, trade.quantity, trade.side is Side.BUY)
        for trade in trades
        if trade.entry_time is not None
    )


def _stops(trades: Sequence[Trade]) -> Slippage:
    """Return by how much stops were filled worse than where they stood."""
    return _slippage(
        (trade.stop_loss, trade.exit_price, trade.quantity, trade.side is Side.SELL)
        for trade in trades
        if trade.exit_time is not None and trade.exit_reason is ExitReason.STOP_LOSS
    )


def _slippage(
    legs: Iterable[tuple[Decimal | None, Decimal | None, Decimal, bool]],
) -> Slippage:
    """Add up legs of planned price, price of the fill, quantity, and whether it was bought."""
    count, lost, notional = 0, ZERO, ZERO
    for planned, filled, quantity, bought in legs:
        if planned is None or filled is None:
            continue
        count += 1
        lost += (filled - planned if bought else planned - filled) * quantity
        notional += planned * quantity
    return Slippage(count, lost, notional)


def _aws(period: Period) -> AwsEstimate | None:
    if period.aws is None:
        return None
    a_month = period.aws.dollars_a_month
    hours = (period.until - period.since) / HOUR
    return AwsEstimate(
        dollars=a_month * hours / HOURS_OF_A_MONTH,
        dollars_a_month=a_month,
        symbols=period.aws.symbols,
        scan_seconds=period.aws.scan_seconds,
    )
