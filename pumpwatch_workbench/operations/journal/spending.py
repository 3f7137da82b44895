"""Costs of trading and running: fees, funding, slippage, and an estimate of AWS's bill."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason
from pumpwatch_workbench.operations.journal.period import AwsEstimate, Period

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Slippage:
    """Loss of fills against their planned prices, USDT; negative values are gains."""

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
class Spending:
    """Money in USDT, apart from AWS's dollars. Slippage is part of the trades' results already."""

    trades: int
    fees: Decimal
    funding: Decimal
    """Paid; below zero: received."""
    entry_slippage: Slippage
    """Slippage from the book's best price when the entry was sized."""
    stop_slippage: Slippage
    """Slippage from the stop's price, of the trades that their stop ended."""
    aws: AwsEstimate | None
    """None if nothing ran on AWS, or if it was not measured."""


def spending_of(period: Period) -> Spending:
    """Return what the period's trades and its running cost."""
    entered = [trade for trade in period.trades if trade.entry_time is not None]
    stopped = [trade for trade in entered if trade.exit_reason is ExitReason.STOP_LOSS]
    return Spending(
        trades=len(entered),
        fees=sum((trade.fees for trade in period.trades), ZERO),
        funding=sum((trade.funding for trade in period.trades), ZERO),
        entry_slippage=_slippage(
            (trade.planned_price, trade.entry_price, trade.quantity, trade.side is Side.BUY)
            for trade in entered
        ),
        stop_slippage=_slippage(
            (trade.stop_loss, trade.exit_price, trade.quantity, trade.side is Side.SELL)
            for trade in stopped
        ),
        aws=period.aws,
    )


def _slippage(
    legs: Iterable[tuple[Decimal | None, Decimal | None, Decimal, bool]],
) -> Slippage:
    """Add up by how much fills were worse than planned: a buy higher, a sale lower.

    Legs are the planned price, the fill's, its quantity, and whether it was bought.
    """
    count, lost, notional = 0, ZERO, ZERO
    for planned, filled, quantity, bought in legs:
        if planned is None or filled is None:
            continue
        count += 1
        lost += (filled - planned if bought else planned - filled) * quantity
        notional += planned * quantity
    return Slippage(count, lost, notional)
