"""Paper positions and fills as the broker reports them."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.adapters.ledger import Change, liquidation_price, pnl
from pumpwatch.adapters.paper_account import PaperPosition
from pumpwatch.domain.orders import (
    Fill,
    FillKind,
    OrderRequest,
    OrderState,
    OrderStatus,
    Position,
    Side,
)
from pumpwatch.errors import Rejected

__all__ = ["check_stop", "fill_of", "position_of", "protection_of", "reducible", "unrealised"]

BAD_REQUEST, NOTHING_TO_REDUCE = 10001, 110017


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
    )


def protection_of(held: PaperPosition, name: str) -> OrderStatus:
    """Return a position's stop or target as an order that waits for its trigger."""
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
    return min(request.quantity, held.quantity)


def check_stop(side: Side, stop_loss: Decimal, price: Decimal) -> None:
    """Raise `Rejected` when the price has passed the stop already."""
    if (stop_loss >= price) if side is Side.BUY else (stop_loss <= price):
        raise Rejected(f"the stop loss {stop_loss} has been passed by {price}", code=BAD_REQUEST)
