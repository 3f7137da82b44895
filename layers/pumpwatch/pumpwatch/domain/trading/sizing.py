"""The size and the limit price of an entry. All in `Decimal`, rounded toward safety."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.market.snapshot import Instrument

from .limits import Book, RiskLimits
from .orders import Side
from .plans import Denied, EntryPlan, Quote, SizedEntry
from .rounding import ceil_to, floor_to, stop_to_tick, target_to_tick


def size_entry(
    plan: EntryPlan,
    quote: Quote,
    instrument: Instrument,
    book: Book,
    limits: RiskLimits,
    *,
    now: int,
) -> SizedEntry | Denied:
    """Return the largest entry that keeps every limit, or why there is none.

    The order can be filled from its limit price to the slippage tolerance on the other side of the
    book. Notional and margin are taken at the dearest such price and the loss from the limit price,
    so that the limits hold whatever the fill. Loss of one contract:
    |limit - stop| + fee * (limit + stop).
    """
    stop = stop_to_tick(plan.stop_loss, instrument.tick_size, plan.side)
    target = plan.take_profit
    if target is not None:
        target = target_to_tick(target, instrument.tick_size, plan.side)
    refused = _check_sides(plan.side, stop, target, quote)
    if refused is not None:
        return refused
    worst = entry_price(plan.side, quote, instrument, limits.slippage_tolerance, target)
    if isinstance(worst, Denied):
        return worst
    buys = plan.side is Side.BUY
    dearest = worst if buys else quote.ask * (1 + limits.slippage_tolerance)
    cheapest = quote.bid * (1 - limits.slippage_tolerance) if buys else worst
    loss = abs(worst - stop) + limits.taker_fee * (worst + stop)
    margin = dearest * (1 / limits.leverage + 2 * limits.taker_fee)
    room = min(limits.max_notional_usdt, limits.max_exposure_fraction * book.equity - book.exposure)
    wanted = min(
        limits.risk_fraction * book.equity / loss,
        room / dearest,
        book.available / margin,
        # The entry is a limit order, and the order that closes it a market order.
        instrument.max_market_quantity,
        instrument.max_quantity or instrument.max_market_quantity,
    )
    quantity = floor_to(max(wanted, Decimal(0)), instrument.quantity_step)
    if quantity <= 0 or quantity < instrument.min_quantity:
        return Denied(
            f"the limits allow a quantity of {quantity}, the contract asks for "
            f"{instrument.min_quantity} at least"
        )
    if quantity * cheapest < instrument.min_notional:
        return Denied(
            f"the limits allow {quantity * cheapest:.2f} USDT, the contract asks for "
            f"{instrument.min_notional} at least"
        )
    return SizedEntry(
        side=plan.side,
        quantity=quantity,
        stop_loss=stop,
        take_profit=target,
        planned_price=quote.best(plan.side),
        limit_price=worst,
        notional=quantity * dearest,
        risk=quantity * loss,
        closes_at=now + plan.time_limit,
    )


def _check_sides(side: Side, stop: Decimal, target: Decimal | None, quote: Quote) -> Denied | None:
    if stop <= 0 or (target is not None and target <= 0):
        return Denied("stop or target would be zero or below")
    if side is Side.BUY:
        passed = stop >= quote.lowest
        reached = target is not None and target <= quote.highest
    else:
        passed = stop <= quote.highest
        reached = target is not None and target >= quote.lowest
    if passed:
        return Denied("the price has already passed the stop")
    if reached:
        return Denied("the price has already reached the target")
    return None


def entry_price(
    side: Side, quote: Quote, instrument: Instrument, tolerance: Decimal, target: Decimal | None
) -> Decimal | Denied:
    """Return the limit price of an entry, USDT, or why no such order would fill.

    It lies `tolerance` beyond the best price, and no farther than the contract's price limit around
    the mark and than a tick before the target: the exchange refuses a target that the order's own
    price has passed. Rounded to the tick toward the book.
    """
    tick, best, away = instrument.tick_size, quote.best(side), 1 if side is Side.BUY else -1
    bounds = [best * (1 + away * tolerance)]
    if target is not None:
        bounds.append(target - away * tick)
    if instrument.price_limit_ratio is not None:
        bounds.append(quote.mark * (1 + away * instrument.price_limit_ratio))
    price = floor_to(min(bounds), tick) if side is Side.BUY else ceil_to(max(bounds), tick)
    if price <= 0 or away * (price - best) < 0:
        return Denied(
            f"no order can reach the best price {best:f}: the bound is {price:f}, "
            f"with the mark price at {quote.mark:f}"
        )
    return price
