"""Which price a paper order gets from the book. All pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.market import OrderBook
from pumpwatch.domain.orders import Side

__all__ = ["Taken", "slipped", "walk"]

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Taken:
    """What the book gave: the quantity, and its average price (None when nothing was taken)."""

    quantity: Decimal
    price: Decimal | None


def walk(book: OrderBook, side: Side, quantity: Decimal, *, tolerance: Decimal | None) -> Taken:
    """Take `quantity` from the book, best level first, within `tolerance` of the best price."""
    levels = book.asks if side is Side.BUY else book.bids
    if not levels:
        return Taken(ZERO, None)
    reach = (tolerance or Decimal(1)) * levels[0][0]
    taken, value = ZERO, ZERO
    for price, offered in levels:
        if taken == quantity or abs(price - levels[0][0]) > reach:
            break
        part = min(offered, quantity - taken)
        taken += part
        value += part * price
    return Taken(taken, value / taken)


def slipped(price: Decimal, side: Side, slippage: Decimal) -> Decimal:
    """Return the price made worse for the side by a fraction."""
    return price * (1 + slippage if side is Side.BUY else 1 - slippage)
