"""An order as the body of order/create: an entry at a limit that ends at once, a market exit."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.trading.orders import OrderRequest, Side, StopTrigger
from pumpwatch.errors import InvariantBroken

from .orders import TRIGGER_WORDS

CATEGORY = "linear"
ONE_WAY = 0
SIDES = {Side.BUY: "Buy", Side.SELL: "Sell"}


def order_body(request: OrderRequest) -> dict[str, object]:
    """Return the body of order/create. Stops travel with the entry, never after it."""
    body: dict[str, object] = {
        "category": CATEGORY,
        "symbol": request.symbol,
        "side": SIDES[request.side],
        "qty": plain(request.quantity),
        "orderLinkId": request.order_id,
        "reduceOnly": request.reduce_only,
        "positionIdx": ONE_WAY,
    }
    if request.closes_all:
        # Bybit's way to close a quantity that is no multiple of the contract's step any more.
        body |= {"qty": "0", "closeOnTrigger": True}
    if request.reduce_only:
        return body | {"orderType": "Market"}
    if request.limit_price is None:
        raise InvariantBroken(f"entry {request.order_id} has no limit price; nothing was sent")
    # A market order with a slippage tolerance supports no attached stop (order/create-order).
    body |= {"orderType": "Limit", "timeInForce": "IOC", "price": plain(request.limit_price)}
    body |= protection_fields(request.stop_loss, request.take_profit, request.stop_trigger)
    body |= {"slOrderType": "Market"} if request.stop_loss is not None else {}
    return body | ({"tpOrderType": "Market"} if request.take_profit is not None else {})


def protection_fields(
    stop_loss: Decimal | None, take_profit: Decimal | None, trigger: StopTrigger
) -> dict[str, str]:
    """Return the fields of a stop and a target for the whole position; None leaves one out."""
    word, fields = TRIGGER_WORDS[trigger], {"tpslMode": "Full"}
    if stop_loss is not None:
        fields |= {"stopLoss": plain(stop_loss), "slTriggerBy": word}
    if take_profit is not None:
        fields |= {"takeProfit": plain(take_profit), "tpTriggerBy": word}
    return fields


def plain(value: Decimal) -> str:
    """Return the number without an exponent and without trailing zeros."""
    if not isinstance(value, Decimal) or not value.is_finite():
        raise InvariantBroken(f"{value!r} is no finite Decimal; nothing was sent. Report this")
    return f"{value.normalize():f}"
