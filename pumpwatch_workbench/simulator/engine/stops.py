"""A position's own stop loss and take profit, kept as orders that wait for their trigger."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from .ledger import Ledger
from .records import FALLING, RISING, ExchangePosition, Order

Leg = Literal["StopLoss", "TakeProfit", "TrailingStop"]
CLEARED = "CancelByTpSlTsClear"


def sync_stops(ledger: Ledger, position: ExchangePosition, time: int) -> None:
    """Make the waiting orders equal what the position asks for, and note whether it is bare."""
    if position.side is None:
        _drop_reduce_only(ledger, position, time)
    position.stop_order = _sync_leg(
        ledger, position, position.stop_order, "StopLoss", position.stop_loss, time
    )
    position.target_order = _sync_leg(
        ledger, position, position.target_order, "TakeProfit", position.take_profit, time
    )
    position.trailing_order = _sync_leg(
        ledger, position, position.trailing_order, "TrailingStop", position.trailing_level, time
    )
    bare = position.side is not None and not is_protected(ledger, position)
    ledger.protection.observe(position.symbol, time, bare=bare)


def release_legs(ledger: Ledger, order: Order) -> None:
    """Take what fired off its position; stop and target cancel each other."""
    position = ledger.position(order.index)
    if order is position.trailing_order:
        position.trailing_stop = position.trailing_from = position.best_price = None
        position.trailing_order = None
    elif order is position.stop_order or order is position.target_order:
        position.stop_loss = position.take_profit = None


def is_protected(ledger: Ledger, position: ExchangePosition) -> bool:
    """Tell whether a stop on the losing side would close the whole position."""
    if position.stop_order is not None and position.stop_order.is_open:
        return True
    falling = position.side == "Buy"
    covered = sum(
        order.left
        for order in ledger.open_orders(position.index)
        if order.stop_kind == "Stop"
        and order.status == "Untriggered"
        and order.reduce_only
        and order.side != position.side
        and (order.trigger_direction == FALLING) == falling
    )
    return covered >= position.size


def _sync_leg(
    ledger: Ledger,
    position: ExchangePosition,
    present: Order | None,
    leg: Leg,
    price: Decimal | None,
    time: int,
) -> Order | None:
    by = _trigger_of(position, leg)
    alive = present is not None and present.status == "Untriggered"
    if alive and present is not None:
        same = present.trigger_price == price and present.trigger_by == by
        if same and present.side != position.side and position.side is not None:
            if present.quantity != position.size:
                present.quantity, present.updated = position.size, time
            return present
        ledger.settle(present, "Deactivated", time, cancel=CLEARED)
    if price is None or position.side is None:
        return None
    order = _waiting_order(ledger, position, leg, price, by, time)
    ledger.add(order)
    return order


def _trigger_of(position: ExchangePosition, leg: Leg) -> str:
    if leg == "TrailingStop":
        return "LastPrice"
    return position.stop_loss_by if leg == "StopLoss" else position.take_profit_by


def _waiting_order(
    ledger: Ledger, position: ExchangePosition, leg: Leg, price: Decimal, by: str, time: int
) -> Order:
    falling = (position.side == "Buy") == (leg != "TakeProfit")
    identity, sequence = ledger.next_id("order")
    return Order(
        order_id=identity,
        index=position.index,
        symbol=position.symbol,
        side=position.closing_side,
        quantity=position.size,
        price=Decimal(0),
        created=time,
        updated=time,
        sequence=sequence,
        last_price_on_created=ledger.mark(position.index),
        status="Untriggered",
        reduce_only=True,
        close_on_trigger=True,
        trigger_price=price,
        trigger_direction=FALLING if falling else RISING,
        trigger_by=by,
        stop_kind=leg,
        create_type=f"CreateBy{leg}",
    )


def _drop_reduce_only(ledger: Ledger, position: ExchangePosition, time: int) -> None:
    for order in ledger.open_orders(position.index):
        if order.reduce_only and order.stop_kind not in {"StopLoss", "TakeProfit", "TrailingStop"}:
            ledger.settle(order, "Cancelled", time, cancel="CancelByReduceOnly")
