"""The final outcome of an order in the journal, from what the exchange says about it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from .evidence import Evidence
from .orders import OrderState, OrderStatus, Outcome, Position
from .trades import ExitReason, OrderRecord, Trade, TradeState

NEVER_PLACED = "never placed: the exchange has no trace of it"
"""The detail of such an order, and the denial of its trade."""


def outcome_of(evidence: Evidence, order: OrderRecord, now: int) -> OrderRecord:
    """Return the order with its final outcome: what the exchange says of it, or its fills.

    The two are asked for one after the other, and what happens in between shows in one of them
    only: the one that knows more counts. `now` in milliseconds UTC.
    """
    status = evidence.found.get(order.request.order_id)
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
    """Return the order as one of which the exchange has shown no trace within its time.

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
