"""Plain trades, orders, fills and positions: a short of 100 at 1.2 with its stop at 1.25."""

from decimal import Decimal

from pumpwatch.domain.trading.orders import (
    Fill,
    FillKind,
    Leg,
    OrderRequest,
    OrderState,
    OrderStatus,
    Position,
    Side,
    order_id_for,
)
from pumpwatch.domain.trading.trades import OrderRecord, Trade, TradeState

D = Decimal
SYMBOL = "AUSDT"
ENTRY_ID = order_id_for("s", Leg.ENTRY, 0)


def trade(**changes):
    facts = {
        "signal_id": "s",
        "event_id": "e",
        "symbol": SYMBOL,
        "strategy": "fade",
        "side": Side.SELL,
        "state": TradeState.OPEN,
        "signal_time": 0,
        "signal_price": D("1.2"),
        "created": 0,
        "quantity": D(100),
        "stop_loss": D("1.25"),
        "take_profit": D("1.1"),
        "planned_price": D("1.2"),
        "entry_price": D("1.2"),
        "closes_at": 1_800_000,
    }
    return Trade(**{**facts, **changes})


def position(**changes):
    facts = {
        "symbol": SYMBOL,
        "side": Side.SELL,
        "quantity": D(100),
        "entry_price": D("1.2"),
        "mark_price": D("1.1"),
        "leverage": D(1),
        "stop_loss": D("1.25"),
        "take_profit": None,
        "liquidation_price": None,
        "unrealised_pnl": D(10),
        "created": 0,
        "updated": 0,
    }
    return Position(**{**facts, **changes})


def record(leg=Leg.ENTRY, attempt=0, **changes):
    closing = leg is Leg.EXIT
    request = OrderRequest(
        order_id=order_id_for("s", leg, attempt),
        symbol=SYMBOL,
        side=Side.BUY if closing else Side.SELL,
        quantity=D(100),
        reduce_only=closing,
        stop_loss=None if closing else D("1.25"),
    )
    facts = {"attempt": attempt, "intended": 0, **changes}
    return OrderRecord(request, "s", leg, **facts)


def status(order, **changes):
    facts = {
        "order_id": order.request.order_id,
        "exchange_id": "x",
        "symbol": SYMBOL,
        "side": order.request.side,
        "state": OrderState.FILLED,
        "quantity": order.request.quantity,
        "filled_quantity": order.request.quantity,
        "average_price": D("1.2"),
        "fee": D("0.1"),
        "reduce_only": order.request.reduce_only,
        "created": 100,
        "updated": 200,
    }
    return OrderStatus(**{**facts, **changes})


def fill(side, quantity=100, price="1.2", **changes):
    facts = {
        "execution_id": "f",
        "order_id": "",
        "symbol": SYMBOL,
        "side": side,
        "kind": FillKind.TRADE,
        "price": D(price),
        "quantity": D(quantity),
        "fee": D("0.1"),
        "time": 200,
    }
    return Fill(**{**facts, **changes})


def entry_fill(quantity=100, price="1.2", **changes):
    return fill(Side.SELL, quantity, price, order_id=ENTRY_ID, **changes)
