"""The price that a paper order gets from the book. All pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.market.snapshot import OrderBook
from pumpwatch.domain.trading.orders import OrderRequest, Side

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BookFill:
    """The quantity taken from the book and its average price (None when nothing was taken)."""

    quantity: Decimal
    price: Decimal | None


def walk(book: OrderBook, request: OrderRequest, quantity: Decimal) -> BookFill:
    """Take `quantity` from the book, best level first, at prices within the request's limit."""
    taken, value = ZERO, ZERO
    for price, offered in book.asks if request.side is Side.BUY else book.bids:
        if taken == quantity or not request.may_fill_at(price):
            break
        part = min(offered, quantity - taken)
        taken += part
        value += part * price
    return BookFill(taken, value / taken if taken else None)


def paid(price: Decimal, request: OrderRequest, slippage: Decimal) -> Decimal:
    """Return what an order that got `price` pays: worse by a fraction, never beyond its limit."""
    worse = slipped(price, request.side, slippage)
    return worse if request.may_fill_at(worse) else request.limit_price or worse


def slipped(price: Decimal, side: Side, slippage: Decimal) -> Decimal:
    """Return the price made worse for the side by a fraction."""
    return price * (1 + slippage if side is Side.BUY else 1 - slippage)
