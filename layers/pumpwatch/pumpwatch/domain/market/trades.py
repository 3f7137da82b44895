"""The market's own trades of one symbol, and how far back they are known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .candles import BoolArray, FloatArray, IntArray

MOST = 1000
"""Trades that are looked at: an exchange gives no more."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketTrades:
    """Trades of one symbol, oldest first; every array is shaped (trades,).

    `time` in milliseconds UTC, `bought` says that the taker bought, `price` in the quote currency,
    `quantity` in the base coin. Every trade from `since` on is here (milliseconds UTC); of what was
    before it, some may be missing.
    """

    time: IntArray
    bought: BoolArray
    price: FloatArray
    quantity: FloatArray
    since: int = 0

    def shown_at(self, time: int) -> MarketTrades:
        """Return what an exchange shows at a time: the last `MOST` trades before it."""
        last = int(np.searchsorted(self.time, time))
        return self._part(max(0, last - MOST), last)

    def between(self, first: int, end: int) -> MarketTrades:
        """Return the trades from `first` on and before `end`, milliseconds UTC."""
        begin, stop = np.searchsorted(self.time, [first, end])
        return self._part(int(begin), int(stop))

    def _part(self, first: int, last: int) -> MarketTrades:
        """Return some trades; those left out before them end what is known."""
        since = self.since if first == 0 else max(self.since, int(self.time[first - 1]) + 1)
        part = slice(first, last)
        return MarketTrades(
            self.time[part], self.bought[part], self.price[part], self.quantity[part], since
        )
