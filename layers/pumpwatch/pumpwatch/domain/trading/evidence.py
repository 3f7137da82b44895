"""The evidence about a live trade: the journal's orders, and the exchange's reports on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from .orders import Fill, Leg, OrderState, OrderStatus, Outcome, Position
from .performance import CHANGES_POSITION, FillSummary, summarise_fills
from .trades import ExitReason, OrderRecord, Trade, TradeState

SAME_AVERAGE = Decimal("0.0001")
"""Relative difference up to which two average prices are the same: the exchange rounds them."""
NEVER_PLACED = "never placed: the exchange has no trace of it"
"""The detail of such an order, and the denial of its trade."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence about one live trade."""

    trade: Trade
    position: Position | None
    """The position in the trade's symbol, whoever opened it."""
    orders: Sequence[OrderRecord] = ()
    """The trade's orders in the journal, oldest first."""
    statuses: Mapping[str, OrderStatus] = field(default_factory=dict)
    """The exchange's report on each of `orders` that it knows, by our id."""
    fills: Sequence[Fill] = ()
    """The symbol's executions since the trade was created, oldest first."""
    others: Sequence[Fill] = ()
    """Executions of the symbol that belong to other trades of ours; they are not in `fills`."""
    position_known: bool = True
    """The exchange's position in the symbol could be read: None means no position only then."""
    missing: Sequence[str] = ()
    """Parts of orders and fills that could not be read, as sentences: where something is missing,
    journal and position alone decide."""

    @property
    def own(self) -> Position | None:
        """Return the position if it can be the trade's: one on the other side is not."""
        return own_position(self.trade, self.position)

    @property
    def proves_own(self) -> bool:
        """Return whether what is held is the trade's by more than symbol, side and size.

        The average price is that of the trade's own fills, or its executions still hold a part, or
        the exchange reports its entry as filled.
        """
        if self.own is None:
            return False
        if self.trade.state is not TradeState.ENTERING and same_average(self.trade, self.own):
            return True
        entries = [order.request.order_id for order in self.orders if order.leg is Leg.ENTRY]
        reported = any(
            self.statuses[name].filled_quantity for name in entries if name in self.statuses
        )
        return reported or self.fill_summary().left > 0

    @property
    def pending(self) -> OrderRecord | None:
        """Return the newest order of the leg that the trade waits for."""
        leg = Leg.ENTRY if self.trade.state is TradeState.ENTERING else Leg.EXIT
        return next((order for order in reversed(self.orders) if order.leg is leg), None)

    def filled_by(self, order_id: str) -> list[Fill]:
        """Return the executions of one order of ours, oldest first."""
        return [
            fill
            for fill in self.fills
            if fill.order_id == order_id and fill.kind in CHANGES_POSITION and fill.quantity > 0
        ]

    def quantity_of(self, order_id: str) -> Decimal:
        """Return how much the executions of one order of ours add up to."""
        return sum((fill.quantity for fill in self.filled_by(order_id)), Decimal(0))

    def fill_summary(self) -> FillSummary:
        """Return the trade's fills, added up."""
        ids = {leg: [o.request.order_id for o in self.orders if o.leg is leg] for leg in Leg}
        entry_id = ids[Leg.ENTRY][0] if ids[Leg.ENTRY] else ""
        return summarise_fills(
            self.trade, self.fills, entry_id=entry_id, exit_ids=frozenset(ids[Leg.EXIT])
        )


def own_position(trade: Trade, position: Position | None) -> Position | None:
    """Return the position if it can be the trade's: ours are never held in hedge mode."""
    if position is None or position.hedge:
        return None
    if (position.symbol, position.side) != (trade.symbol, trade.side):
        return None
    return position


def same_average(trade: Trade, position: Position) -> bool:
    """Return whether the position's average price is the one that the trade's fills gave.

    The exchange rounds its average; a position of another trader has a different one. A
    trade whose price is not known yet says nothing, so it is not the same.
    """
    if trade.entry_price is None:
        return False
    return abs(position.entry_price / trade.entry_price - 1) <= SAME_AVERAGE


def foreign_positions(trades: Sequence[Trade], positions: Sequence[Position]) -> list[Position]:
    """Return the positions that belong to no live trade; they are reported and left alone."""
    ours = {(trade.symbol, trade.side) for trade in trades if trade.state.live}
    return [
        position
        for position in positions
        if position.hedge or (position.symbol, position.side) not in ours
    ]


def foreign_orders(
    trades: Sequence[Trade], orders: Sequence[OrderStatus], prefix: str
) -> list[OrderStatus]:
    """Return the open orders that neither we made nor protect a position of ours."""
    ours = {trade.symbol for trade in trades if trade.state.live}
    return [
        order
        for order in orders
        if not order.order_id.startswith(prefix)
        and not (order.is_protection and order.symbol in ours)
    ]


def foreign_quantity(evidence: Evidence) -> Decimal:
    """Return how much others have added to the trade's side since it was created, net."""
    ours = {order.request.order_id for order in evidence.orders}
    total = Decimal(0)
    for fill in evidence.fills:
        if fill.kind in CHANGES_POSITION and fill.order_id not in ours:
            total += fill.quantity if fill.side is evidence.trade.side else -fill.quantity
    return total


def strange_fills(evidence: Evidence, prefix: str) -> list[Fill]:
    """Return the fills whose order bears our prefix and is not one of this trade's orders."""
    ours = {order.request.order_id for order in evidence.orders}
    return [
        fill
        for fill in evidence.fills
        if fill.order_id.startswith(prefix)
        and fill.order_id not in ours
        and fill.kind in CHANGES_POSITION
    ]


def needs_evidence(trade: Trade, position: Position | None) -> bool:
    """Return whether orders and fills must be asked for: the position alone does not settle it."""
    own = own_position(trade, position)
    return (
        trade.state is not TradeState.OPEN
        or trade.vanished is not None
        or trade.unreadable is not None
        or own is None
        or own.quantity != trade.quantity
        or not same_average(trade, own)
    )


def outcome_of(evidence: Evidence, order: OrderRecord, now: int) -> OrderRecord:
    """Return the order with its final outcome: what the exchange says of it, or its fills.

    The two are asked for one after the other, and what happens in between shows in one of them
    only: the one that knows more counts. `now` in milliseconds UTC.
    """
    status = evidence.statuses.get(order.request.order_id)
    fills = evidence.filled_by(order.request.order_id)
    quantity = evidence.quantity_of(order.request.order_id)
    if status is not None and status.filled_quantity >= quantity:
        return settled_as(order, status, now)
    if not fills:
        return never_placed(order, now)
    return replace(
        order,
        outcome=Outcome.FILLED,
        filled_quantity=quantity,
        average_price=sum((fill.quantity * fill.price for fill in fills), Decimal(0)) / quantity,
        fee=sum((fill.fee for fill in fills), Decimal(0)),
        detail="seen by its fills",
        settled=now,
    )


def never_placed(order: OrderRecord, now: int) -> OrderRecord:
    """Return the order as never placed: the exchange showed no trace of it in time.

    An overloaded exchange may still carry it out later: `is_given_up` finds such entries again.
    """
    return replace(order, outcome=Outcome.REJECTED, detail=NEVER_PLACED, settled=now)


def is_given_up(trade: Trade) -> bool:
    """Return whether the trade ended for want of a trace: of its entry, or of its position."""
    never_placed = trade.state is TradeState.DROPPED and trade.denial == NEVER_PLACED
    return never_placed or trade.exit_reason is ExitReason.UNEXPLAINED


def seen_by_position(order: OrderRecord, position: Position, now: int) -> OrderRecord:
    """Return an entry as filled, as far as the position alone can say so."""
    return replace(
        order,
        outcome=Outcome.FILLED,
        filled_quantity=position.quantity,
        average_price=position.entry_price,
        detail="seen by its position: orders and fills could not be read",
        settled=now,
    )


def settled_as(order: OrderRecord, status: OrderStatus, now: int) -> OrderRecord:
    """Return the order as the exchange reports it."""
    return replace(
        order,
        outcome=Outcome.FILLED if status.filled_quantity > 0 else Outcome.REJECTED,
        exchange_id=status.exchange_id or order.exchange_id,
        filled_quantity=status.filled_quantity,
        average_price=status.average_price,
        fee=status.fee,
        detail=_why_ended(status),
        settled=now,
    )


def _why_ended(status: OrderStatus) -> str:
    if status.state is OrderState.FILLED:
        return ""
    return status.reject_reason or f"{status.state} by the exchange"
