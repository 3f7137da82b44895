"""A market whose prices are straight lines between given knots."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from .source import (
    MINUTE_MS,
    FloatArray,
    IntArray,
    Listing,
    MarketView,
    Minutes,
    PlantedEvent,
    Trades,
)
from .trades import plain_trades

Line = tuple[list[int], list[float]]
"""Times (milliseconds UTC, never decreasing) and their prices; two at one time are a jump."""
FUNDING_RATE = 0.0001
MINUTES_A_DAY = 1_440


class PolylineMarket:
    """One line for each listing, in order. Implements `Market`.

    Before its first knot and after its last a price stands still. Fundings (time, rate) come at
    the same times for every symbol; `turnover` is USDT a minute, traded evenly.
    """

    def __init__(
        self,
        listings: Sequence[Listing],
        lines: Sequence[Line],
        start: int,
        *,
        fundings: Sequence[tuple[int, float]] = (),
        half_spread: float = 0.0001,
        depth_usdt: float = 100_000.0,
        turnover: float = 1_000.0,
        mark_ratio: float = 1.0,
    ) -> None:
        self.listings = tuple(listings)
        self.planted: tuple[PlantedEvent, ...] = ()
        self.start = start
        self.end: int | None = None
        self.fundings = sorted(fundings)
        self.half_spread = half_spread
        self.depth_usdt = depth_usdt
        self.turnover = turnover
        self.mark_ratio = mark_ratio
        self.lines = lines

    def price(self, index: int, time: int) -> float:
        """Return the price at a time; at a jump the price after it."""
        times, prices = self.lines[index]
        after = bisect_right(times, time)
        if after == 0:
            return prices[0]
        if after == len(times):
            return prices[-1]
        begin, end = times[after - 1], times[after]
        low, high = prices[after - 1], prices[after]
        return low + (high - low) * (time - begin) / (end - begin)

    def prices(self, time: int) -> FloatArray:
        return np.array([self.price(index, time) for index in range(len(self.listings))])

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        times, prices = self.lines[index]
        inside = slice(bisect_right(times, start), bisect_right(times, end))
        line = [self.price(index, start), *prices[inside], self.price(index, end)]
        return np.array([start, *times[inside], end], dtype=np.int64), np.array(line)

    def minutes(self, index: int, first: int, last: int) -> Minutes:
        earliest = -(-max(first, self.listings[index].launch_time) // MINUTE_MS) * MINUTE_MS
        opened = np.arange(earliest, last + 1, MINUTE_MS, dtype=np.int64)
        return self._candles(index, opened, opened + MINUTE_MS)

    def forming(self, index: int, time: int) -> Minutes:
        opened = np.array([time // MINUTE_MS * MINUTE_MS], dtype=np.int64)
        return self._candles(index, opened, np.array([time], dtype=np.int64))

    def trades(self, index: int, first: int, end: int) -> Trades:
        return plain_trades(self, index, first, end)

    def view(self, time: int) -> MarketView:
        """Return every symbol at `time`; what lies before it follows from the last price."""
        count = len(self.listings)
        last = self.prices(time)
        day = np.full(count, self.turnover * MINUTES_A_DAY)
        due = next((funding for funding in self.fundings if funding[0] > time), None)
        return MarketView(
            time=time,
            last=last,
            mark=last * self.mark_ratio,
            index=last,
            high_24h=last * 1.1,
            low_24h=last * 0.9,
            price_24h_ago=last / 1.05,
            price_1h_ago=last / 1.01,
            volume_24h=day / last,
            turnover_24h=day,
            open_interest=day / last,
            funding_rate=np.full(count, due[1] if due else FUNDING_RATE),
            half_spread=np.full(count, self.half_spread),
            depth_usdt=np.full(count, self.depth_usdt),
            next_funding=np.full(count, due[0], dtype=np.int64) if due else None,
        )

    def funding_times(self, index: int, start: int, end: int) -> list[tuple[int, float]]:
        return [(time, rate) for time, rate in self.fundings if start < time <= end]

    def side_against(self, index: int, side: str | None) -> None:
        """Ignore who holds what: the path is what it is."""

    def _candles(self, index: int, opened: IntArray, until: IntArray) -> Minutes:
        pairs = zip(opened.tolist(), until.tolist(), strict=True)
        lines = [self.path(index, begin, end)[1] for begin, end in pairs]
        ends = np.array([(x[0], x.max(), x.min(), x[-1]) for x in lines]).reshape(-1, 4).T
        turnover = self.turnover * (until - opened) / MINUTE_MS
        return Minutes(
            open_time=opened,
            open=ends[0],
            high=ends[1],
            low=ends[2],
            close=ends[3],
            volume=turnover / ends[3],
            turnover=turnover,
        )
