"""Paper positions and fills as the broker reports them."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.adapters.paper.account import PaperPosition
from pumpwatch.adapters.paper.ledger import Change, liquidation_price, pnl
from pumpwatch.domain.trading.orders import (
    Fill,
    FillKind,
    OrderRequest,
    OrderState,
    OrderStatus,
    Position,
)
from pumpwatch.errors import Rejected

NOTHING_TO_REDUCE = 110017


def unrealised(held: PaperPosition) -> Decimal:
    """Return the open profit in USDT at the last price."""
    return pnl(held.side, held.quantity, held.entry_price, held.last_price)


def position_of(held: PaperPosition, leverage: Decimal) -> Position:
    """Return the position as a broker reports it."""
    return Position(
        symbol=held.symbol,
        side=held.side,
        quantity=held.quantity,
        entry_price=held.entry_price,
        mark_price=held.last_price,
        leverage=leverage,
        stop_loss=held.stop_loss,
        take_profit=held.take_profit,
        liquidation_price=liquidation_price(held.holding, leverage),
        unrealised_pnl=unrealised(held),
        created=held.created,
        updated=held.updated,
        trailing_stop=held.trailing_stop,
    )


def protections_of(held: PaperPosition) -> list[OrderStatus]:
    """Return a position's stops and target as orders that wait for their trigger."""
    levels = (
        ("stop", held.stop_loss),
        ("trailing", held.trailing_stop),
        ("target", held.take_profit),
    )
    return [_waiting(held, name) for name, level in levels if level is not None]


def _waiting(held: PaperPosition, name: str) -> OrderStatus:
    return OrderStatus(
        order_id="",
        exchange_id=f"paper-{held.symbol}-{held.created}-{name}",
        symbol=held.symbol,
        side=held.side.opposite,
        state=OrderState.UNTRIGGERED,
        quantity=held.quantity,
        filled_quantity=Decimal(0),
        average_price=None,
        fee=Decimal(0),
        reduce_only=True,
        created=held.created,
        updated=held.updated,
        is_protection=True,
    )


def fill_of(order: OrderStatus, change: Change) -> Fill:
    """Return the one fill of an order that was filled at once."""
    assert order.side is not None  # noqa: S101 - our own orders have one
    return Fill(
        execution_id=f"{order.exchange_id}-fill",
        order_id=order.order_id,
        symbol=order.symbol,
        side=order.side,
        kind=FillKind.TRADE,
        price=order.average_price or Decimal(0),
        quantity=order.filled_quantity,
        fee=order.fee,
        time=order.created,
        exchange_order_id=order.exchange_id,
        closed_quantity=change.closed_quantity,
    )


def reducible(request: OrderRequest, held: PaperPosition | None) -> Decimal:
    """Return how much of a reduce-only order can be filled. Raises `Rejected` for nothing."""
    if held is None or held.side is request.side:
        raise Rejected(
            "current position is zero, cannot fix reduce-only order qty", code=NOTHING_TO_REDUCE
        )
    return held.quantity if request.closes_all else min(request.quantity, held.quantity)


def order_of(
    request: OrderRequest, filled: Decimal, price: Decimal, *, fee: Decimal, now: int
) -> OrderStatus:
    """Return the order as it ended: filled, filled in part, or without anything in the book."""
    return OrderStatus(
        order_id=request.order_id,
        exchange_id=f"paper-{request.order_id}",
        symbol=request.symbol,
        side=request.side,
        state=OrderState.FILLED if filled == request.quantity else OrderState.CANCELLED,
        quantity=request.quantity,
        filled_quantity=filled,
        average_price=price if filled else None,
        fee=fee,
        reduce_only=request.reduce_only,
        created=now,
        updated=now,
        reject_reason="" if filled else "EC_NoImmediateQtyToFill",
    )
