"""The sum of a trade's fills: quantity held, prices, fees, funding, result and exit reason.

Truth is the exchange's executions, never what we meant to do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from .orders import Fill, FillKind, Side
from .trades import ExitReason, Trade

CHANGES_POSITION = frozenset(
    {FillKind.TRADE, FillKind.AUTO_DELEVERAGING, FillKind.LIQUIDATION, FillKind.SETTLEMENT}
)
REASON_BY_KIND = {
    FillKind.LIQUIDATION: ExitReason.LIQUIDATION,
    FillKind.AUTO_DELEVERAGING: ExitReason.AUTO_DELEVERAGING,
    FillKind.SETTLEMENT: ExitReason.SETTLEMENT,
}
REASON_BY_TRIGGER = {
    "stop_loss": ExitReason.STOP_LOSS,
    "take_profit": ExitReason.TAKE_PROFIT,
    "trailing_stop": ExitReason.TRAILING_STOP,
}


@dataclass(slots=True)
class FillSummary:
    """A trade's fills, added up: base coins, USDT, milliseconds UTC."""

    entered: Decimal = Decimal(0)
    entry_value: Decimal = Decimal(0)
    entry_time: int | None = None
    left: Decimal = Decimal(0)
    """Quantity that is still held."""
    left_value: Decimal = Decimal(0)
    exit_value: Decimal = Decimal(0)
    exit_time: int | None = None
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    by_reason: dict[ExitReason, Decimal] = field(default_factory=dict)

    @property
    def closed(self) -> bool:
        """Return whether there was a position and nothing of it is left."""
        return self.entered > 0 and self.left == 0

    @property
    def exited(self) -> Decimal:
        """Return the quantity that was closed."""
        return self.entered - self.left

    @property
    def entry_price(self) -> Decimal | None:
        """Return the average entry price."""
        return self.entry_value / self.entered if self.entered else None

    @property
    def exit_price(self) -> Decimal | None:
        """Return the average exit price of what was closed."""
        return self.exit_value / self.exited if self.exited else None

    @property
    def exit_reason(self) -> ExitReason | None:
        """Return what closed most of it."""
        return max(self.by_reason, key=lambda reason: self.by_reason[reason], default=None)

    def realised(self, side: Side) -> Decimal:
        """Return profit and loss of what was closed, after all fees and funding so far."""
        cost = self.entry_value - self.left_value
        gross = self.exit_value - cost if side is Side.BUY else cost - self.exit_value
        return gross - self.fees - self.funding


def summarise_fills(
    trade: Trade, fills: Sequence[Fill], *, entry_id: str, exit_ids: Collection[str] = ()
) -> FillSummary:
    """Add up a symbol's fills, oldest first, from our entry until the position is flat.

    Fills before our entry's first one and after the position was flat are another trader's. What
    others add to the position in between is part of it: a symbol has one position.
    """
    summary = FillSummary()
    for fill in fills:
        if not summary.entered and fill.order_id != entry_id:
            continue
        if fill.kind is FillKind.FUNDING:
            # Beside a newer trade of the symbol it is paid for both positions: the newer has it.
            if trade.exit_reason is not ExitReason.LATE_FILL:
                summary.funding += fill.fee
        elif fill.kind in CHANGES_POSITION and fill.quantity > 0:
            if fill.side is trade.side:
                _enter(summary, fill)
            else:
                _leave(summary, fill, _reason(trade, fill, exit_ids))
        if summary.closed:
            break
    return summary


def _enter(summary: FillSummary, fill: Fill) -> None:
    # A fill first closes another trader's position on the other side.
    opened = fill.quantity - min(fill.closed_quantity, fill.quantity)
    value = opened * fill.price
    summary.entered += opened
    summary.entry_value += value
    summary.left += opened
    summary.left_value += value
    summary.fees += fill.fee * opened / fill.quantity
    summary.entry_time = summary.entry_time or fill.time


def _leave(summary: FillSummary, fill: Fill, reason: ExitReason) -> None:
    # A fill can turn the position round; only the part that closes ours counts.
    closed = min(fill.quantity, summary.left)
    summary.fees += fill.fee * closed / fill.quantity
    summary.exit_value += closed * fill.price
    left = summary.left - closed
    summary.left_value = summary.left_value * left / summary.left
    summary.left = left
    summary.exit_time = fill.time
    summary.by_reason[reason] = summary.by_reason.get(reason, Decimal(0)) + closed


def _reason(trade: Trade, fill: Fill, exit_ids: Collection[str]) -> ExitReason:
    if fill.kind in REASON_BY_KIND:
        return REASON_BY_KIND[fill.kind]
    if fill.trigger in REASON_BY_TRIGGER:
        return REASON_BY_TRIGGER[fill.trigger]
    if fill.order_id and fill.order_id in exit_ids:
        return trade.exit_reason or ExitReason.TIME_LIMIT
    return ExitReason.MANUAL
