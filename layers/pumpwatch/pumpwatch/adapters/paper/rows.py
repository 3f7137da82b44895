"""Paper positions and fills as the broker reports them."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.trading.orders import (
    Fill,
    FillKind,
    OrderRequest,
    OrderState,
    OrderStatus,
    Position,
    Side,
)
from pumpwatch.errors import Rejected

from .account import PaperPosition
from .ledger import Change, liquidation_price, pnl

NOTHING_TO_REDUCE = 110017


def unrealised(position: PaperPosition) -> Decimal:
    """Return the open profit in USDT at the last price."""
    return pnl(position.side, position.quantity, position.entry_price, position.last_price)


def position_of(position: PaperPosition, leverage: Decimal) -> Position:
    """Return the position as a broker reports it."""
    return Position(
        symbol=position.symbol,
        side=position.side,
        quantity=position.quantity,
        entry_price=position.entry_price,
        mark_price=position.last_price,
        leverage=leverage,
        stop_loss=position.stop_loss,
        take_profit=position.take_profit,
        liquidation_price=liquidation_price(position.holding, leverage),
        unrealised_pnl=unrealised(position),
        created=position.created,
        updated=position.updated,
        trailing_stop=position.trailing_stop,
    )


def protections_of(position: PaperPosition) -> list[OrderStatus]:
    """Return a position's stops and target as orders that wait for their trigger."""
    levels = {
        "stop": position.stop_loss,
        "trailing": position.trailing_stop,
        "target": position.take_profit,
    }
    return [
        OrderStatus(
            order_id="",
            exchange_id=f"paper-{position.symbol}-{position.created}-{name}",
            symbol=position.symbol,
            side=position.side.opposite,
            state=OrderState.UNTRIGGERED,
            quantity=position.quantity,
            filled_quantity=Decimal(0),
            average_price=None,
            fee=Decimal(0),
            reduce_only=True,
            created=position.created,
            updated=position.updated,
            is_protection=True,
        )
        for name, level in levels.items()
        if level is not None
    ]


def fill_of(order: OrderStatus, side: Side, change: Change) -> Fill:
    """Return the one fill of an order that was filled at once."""
    return Fill(
        execution_id=f"{order.exchange_id}-fill",
        order_id=order.order_id,
        symbol=order.symbol,
        side=side,
        kind=FillKind.TRADE,
        price=order.average_price or Decimal(0),
        quantity=order.filled_quantity,
        fee=order.fee,
        time=order.created,
        exchange_order_id=order.exchange_id,
        closed_quantity=change.closed_quantity,
    )


def reducible(request: OrderRequest, position: PaperPosition | None) -> Decimal:
    """Return how much of a reduce-only order can be filled. Raises `Rejected` for nothing."""
    if position is None or position.side is request.side:
        raise Rejected(
            "current position is zero, cannot fix reduce-only order qty", code=NOTHING_TO_REDUCE
        )
    return position.quantity if request.closes_all else min(request.quantity, position.quantity)


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
