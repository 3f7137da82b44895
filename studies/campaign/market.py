"""A small market of random walks, made once per world and cheap to ask."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from pumpwatch_workbench.simulator.market.source import (
    DAY_MS,
    MINUTE_MS,
    FloatArray,
    IntArray,
    Listing,
    MarketView,
    Minutes,
    PlantedEvent,
    Trades,
)
from pumpwatch_workbench.simulator.market.trades import plain_trades

STEP = 5_000
"""Milliseconds between two knots of a price's line."""
DEPTH_USDT = 60_000.0
HALF_SPREAD = 0.0005


class CampaignMarket:
    """Prices shaped (symbols, knots), straight lines between knots (Market protocol).

    Spread, depth and funding rate are the same for all symbols; fundings come at `fundings`.
    """

    def __init__(
        self,
        listings: tuple[Listing, ...],
        prices: FloatArray,
        *,
        start: int,
        fundings: list[tuple[int, float]],
    ) -> None:
        self.listings = listings
        self.planted: tuple[PlantedEvent, ...] = ()
        self.start = start
        self.end: int | None = None
        self._prices = prices
        self._rows: list[list[float]] = [row.tolist() for row in prices]
        self._times: IntArray = start + STEP * np.arange(prices.shape[1], dtype=np.int64)
        self._fundings = fundings

    def price(self, index: int, time: int) -> float:
        """Return the price at a time; the last one goes on for ever."""
        row = self._rows[index]
        place, rest = divmod(max(0, time - self.start), STEP)
        if place >= len(row) - 1:
            return row[-1]
        return row[place] + (row[place + 1] - row[place]) * rest / STEP

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        """Return the knots between two times, both included."""
        first, last = np.searchsorted(self._times, (start, end), side="right")
        inside = slice(int(first), int(last) - (1 if self._at_knot(end, int(last)) else 0))
        times = [start, *self._times[inside].tolist(), end]
        line = [self.price(index, start), *self._prices[index, inside].tolist()]
        return np.array(times, dtype=np.int64), np.array([*line, self.price(index, end)])

    def trades(self, index: int, first: int, end: int) -> Trades:
        """Return calm trades along the line."""
        return plain_trades(self, index, first, end)

    def view(self, time: int) -> MarketView:
        """Return all symbols at a time."""
        count = len(self.listings)
        last = np.array([self.price(index, time) for index in range(count)])
        day = np.full(count, 5_000_000.0)
        rate = self.next_funding(time)[1]
        return MarketView(
            time=time,
            last=last,
            mark=last,
            index=last,
            high_24h=last * 1.3,
            low_24h=last * 0.7,
            price_24h_ago=last,
            price_1h_ago=last,
            volume_24h=day / last,
            turnover_24h=day,
            open_interest=day / last,
            funding_rate=np.full(count, rate),
            half_spread=np.full(count, HALF_SPREAD),
            depth_usdt=np.full(count, DEPTH_USDT),
        )

    def next_funding(self, time: int) -> tuple[int, float]:
        """Return the next funding's time and rate."""
        return next(((at, rate) for at, rate in self._fundings if at > time), (time + DAY_MS, 0.0))

    def minutes(self, index: int, first: int, last: int) -> Minutes:
        """Return complete candles made of the knots."""
        opened = np.arange(-(-first // MINUTE_MS) * MINUTE_MS, last + 1, MINUTE_MS, dtype=np.int64)
        lines = [self.path(index, int(at), int(at) + MINUTE_MS)[1] for at in opened]
        ends = np.array([(x[0], x.max(), x.min(), x[-1]) for x in lines]).reshape(-1, 4).T
        turnover = np.full(len(opened), 3_500.0)
        return Minutes(
            open_time=opened,
            open=ends[0],
            high=ends[1],
            low=ends[2],
            close=ends[3],
            volume=turnover / ends[3],
            turnover=turnover,
        )

    def forming(self, index: int, time: int) -> Minutes:
        """Return the candle that contains a time."""
        opened = time // MINUTE_MS * MINUTE_MS
        return self.minutes(index, opened, opened)

    def funding_times(self, index: int, start: int, end: int) -> list[tuple[int, float]]:
        """Return the fundings after `start` and up to `end`."""
        return [(at, rate) for at, rate in self._fundings if start < at <= end]

    def side_against(self, index: int, side: str | None) -> None:
        """Ignore who holds what: the path is what it is."""

    def _at_knot(self, time: int, place: int) -> bool:
        return place > 0 and int(self._times[place - 1]) == time


def random_market(
    random: np.random.Generator, *, symbols: int, minutes: int, start: int
) -> CampaignMarket:
    """Return a market of random walks; about every third symbol pumps and gives it back."""
    knots = minutes * MINUTE_MS // STEP + 1
    volatility = random.uniform(0.0002, 0.0015, (symbols, 1))
    lines = np.cumsum(random.standard_normal((symbols, knots)) * volatility, axis=1)
    for index in range(0, symbols, 3):
        peak = int(random.integers(12, max(13, knots // 2)))
        size, rise = random.uniform(0.05, 0.4), int(random.integers(4, 12))
        fall = int(random.integers(24, 200))
        shape = np.interp(np.arange(knots), [peak - rise, peak, peak + fall], [0, 1, 0.2])
        lines[index] += math.log1p(size) * shape
    base = 10.0 ** random.uniform(-3, 3, (symbols, 1))
    fundings = [
        (start + int(random.integers(1, minutes)) * MINUTE_MS, float(random.normal(0, 0.0008)))
        for _ in range(2)
    ]
    listings = tuple(_listing(random, index, float(base[index, 0])) for index in range(symbols))
    prices = np.exp(lines) * base
    return CampaignMarket(listings, prices, start=start, fundings=sorted(fundings))


def _listing(random: np.random.Generator, index: int, price: float) -> Listing:
    """Return a contract whose tick is about a ten-thousandth of its price."""
    tick = Decimal(1).scaleb(math.floor(math.log10(price)) - int(random.integers(3, 5)))
    step = Decimal(1).scaleb(-math.floor(math.log10(price)) - int(random.integers(0, 3)))
    return Listing(
        symbol=f"W{index:02d}USDT",
        base_coin=f"W{index:02d}",
        tick_size=tick,
        quantity_step=step,
        min_quantity=step * int(random.choice([1, 1, 5])),
        max_quantity=step * 10_000_000,
        max_market_quantity=step * int(random.choice([300, 100_000])),
        min_notional=Decimal(5),
        max_leverage=Decimal(int(random.choice([5, 25, 50]))),
        launch_time=0,
        funding_interval_minutes=480,
    )
