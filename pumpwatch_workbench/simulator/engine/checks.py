"""The checks an order passes before it is accepted, in Bybit's codes and words."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pumpwatch_workbench.simulator.market.source import Listing

from . import refusals
from .ledger import Ledger
from .records import FALLING, RISING, ZERO, ExchangePosition, Order, OrderRequest, Side
from .refusals import Refused, invalid, scaled
from .settings import ExchangeSettings
from .tiers import tier_of

Leg = Literal["TakeProfit", "StopLoss"]
MAX_OPEN_ORDERS, MAX_CONDITIONAL = 500, 10
MAX_TICKS = 1_999_999_990
"""Highest price of a contract, in ticks."""


def check_link_id(ledger: Ledger, settings: ExchangeSettings, link_id: str) -> None:
    """Refuse an orderLinkId that is taken (110072)."""
    taken = ledger.by_link.get(link_id) if link_id else None
    if taken is not None and (settings.order_link_horizon == "ever" or taken.is_open):
        raise Refused(refusals.DUPLICATE_LINK_ID, "OrderLinkedID is duplicate")


def check_quantity(listing: Listing, request: OrderRequest) -> None:
    """Refuse a quantity off the step or outside the limits of the contract (10001)."""
    quantity = request.quantity
    if quantity % listing.quantity_step:
        raise invalid("Qty invalid")
    if quantity < listing.min_quantity:
        raise invalid("The number of contracts exceeds minimum limit allowed")
    market = request.kind == "Market"
    maximum = listing.max_market_quantity if market else listing.max_quantity
    if quantity > maximum and not request.reduce_only:  # which the exchange splits by itself
        raise invalid(
            "The number of contracts exceeds maximum limit allowed: too large, "
            f"order_qty:{scaled(quantity)} > max_qty:{scaled(maximum)}"
        )


def check_notional(listing: Listing, quantity: Decimal, price: Decimal) -> None:
    """Refuse an order below the contract's minimum value (110094)."""
    if quantity * price < listing.min_notional:
        least = listing.min_notional.normalize()
        raise Refused(
            refusals.BELOW_MINIMUM_VALUE, f"Order does not meet minimum order value {least:f}USDT"
        )


def check_price(listing: Listing, price: Decimal) -> None:
    """Refuse a price off the tick (10001) or outside the contract's range (110003)."""
    if price % listing.tick_size:
        raise invalid("Price invalid")
    if not listing.tick_size <= price <= listing.tick_size * MAX_TICKS:
        raise Refused(refusals.PRICE_OUT_OF_RANGE, "Order price exceeds the allowable range.")


def within_limits(
    limits: tuple[Decimal, Decimal], settings: ExchangeSettings, side: Side, price: Decimal
) -> Decimal:
    """Return the limit price, adjusted where the settings say so; else refuse it (30208, 30209)."""
    highest, lowest = limits
    if settings.beyond_limit == "adjust":
        return min(price, highest) if side == "Buy" else max(price, lowest)
    if side == "Buy" and price > highest:
        raise Refused(
            refusals.ABOVE_MAXIMUM_PRICE, "The order price is higher than the maximum buying price."
        )
    if side == "Sell" and price < lowest:
        raise Refused(
            refusals.BELOW_MINIMUM_PRICE, "The order price is lower than the minimum selling price."
        )
    return price


def check_trigger(request: OrderRequest, current: Decimal) -> None:
    """Refuse a trigger that the market has already passed (110092, 110093)."""
    trigger = request.trigger_price
    if trigger is None:
        return
    prices = (
        f"trigger_price[{scaled(trigger)}]",
        f"current[{scaled(current)}]??{request.trigger_by}",
    )
    if request.trigger_direction == RISING and trigger <= current:
        raise Refused(refusals.TRIGGER_NOT_ABOVE, f"expect Rising, but {prices[0]} <= {prices[1]}")
    if request.trigger_direction == FALLING and trigger >= current:
        raise Refused(refusals.TRIGGER_NOT_BELOW, f"expect Falling, but {prices[0]} >= {prices[1]}")


def check_leg(leg: Leg, side: Side, base: Decimal, price: Decimal, base_name: str) -> None:
    """Refuse a take profit or stop loss on the wrong side of `base` (10001)."""
    below = (side == "Buy") == (leg == "StopLoss")
    if price < base if below else price > base:
        return
    if leg == "StopLoss":
        should = "lower than" if below else "greater than"
    else:
        should = "be lower than" if below else "be higher than"
    raise invalid(
        f"{leg}:{scaled(price)} set for {side} position should {should}"
        f" base_price:{scaled(base)}??{base_name}"
    )


def reduce_quantity(
    position: ExchangePosition, side: Side, quantity: Decimal, most: Decimal
) -> Decimal:
    """Return a reduce-only quantity cut to the position; 0 asks for `most` of it (110017)."""
    if position.side is None:
        raise Refused(
            refusals.REDUCE_ONLY, "current position is zero, cannot fix reduce-only order qty"
        )
    if position.side == side:
        raise Refused(refusals.REDUCE_ONLY, "Reduce-only rule not satisfied")
    return min(quantity or most, position.size)


def check_margin(ledger: Ledger, index: int, side: Side, quantity: Decimal, price: Decimal) -> None:
    """Refuse an order the account cannot carry (110004 empty wallet, 110007 not enough free)."""
    opening = ledger.opening_quantity(index, side, quantity)
    if not opening:
        return
    if ledger.wallet <= 0:
        raise Refused(refusals.WALLET_INSUFFICIENT, "Wallet balance is insufficient")
    if ledger.entry_cost(index, opening * price) > ledger.available():
        raise Refused(refusals.AVAILABLE_INSUFFICIENT, "ab not enough for new order")


def check_risk_limit(ledger: Ledger, index: int, side: Side, value: Decimal) -> None:
    """Refuse a position that would be too large for its leverage (110090)."""
    position, tiers = ledger.position(index), ledger.tiers(index)
    present = position.size * ledger.mark(index) if position.side == side else ZERO
    allowed = [tier for tier in tiers if tier.max_leverage >= ledger.leverage(index)]
    if present + value > allowed[-1].limit:
        fitting = tier_of(tiers, present + value).max_leverage
        raise Refused(
            refusals.OVER_RISK_LIMIT,
            "Order placement failed as your position may exceed the max limit. Please adjust your "
            f"leverage to {fitting.normalize():f} or below to increase the max. position limit",
        )


def check_count(orders: list[Order], request: OrderRequest) -> None:
    """Refuse more than 500 open orders in a symbol (110020), or 10 conditional ones (110009)."""
    waiting = sum(order.stop_kind == "Stop" for order in orders)
    if request.trigger_price is not None and waiting >= MAX_CONDITIONAL:
        raise Refused(
            refusals.TOO_MANY_STOPS, "The number of stop orders exceeds maximum limit allowed"
        )
    if len(orders) >= MAX_OPEN_ORDERS:
        raise Refused(
            refusals.TOO_MANY_ORDERS, "You are not allowed to have more than 500 active orders"
        )
