"""The worst price that an entry may fill at. All in `Decimal`, rounded toward safety."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.market.snapshot import Instrument

from .orders import Side
from .plans import Denied, Quote
from .rounding import ceil_to, floor_to


def entry_price(
    side: Side, quote: Quote, instrument: Instrument, tolerance: Decimal, target: Decimal
) -> Decimal | Denied:
    """Return the limit price of an entry, USDT, or why no such order would fill.

    It lies `tolerance` beyond the best price, and no farther than the contract's price limit around
    the mark and than a tick before the target: the exchange refuses a target that the order's own
    price has passed. Rounded to the tick toward the book.
    """
    tick, best, away = instrument.tick_size, quote.best(side), 1 if side is Side.BUY else -1
    bounds = [best * (1 + away * tolerance), target - away * tick]
    if instrument.price_limit_ratio is not None:
        bounds.append(quote.mark * (1 + away * instrument.price_limit_ratio))
    price = floor_to(min(bounds), tick) if side is Side.BUY else ceil_to(max(bounds), tick)
    if price <= 0 or away * (price - best) < 0:
        return Denied(
            f"no order can reach the best price {best:f}: the bound is {price:f}, "
            f"with the mark price at {quote.mark:f}"
        )
    return price
