"""A market whose minutes are written by hand, for tests that need to know every price."""

from __future__ import annotations

from collections.abc import Sequence
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

START = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""


def listing(symbol: str, **changes: object) -> Listing:
    """Return a contract with plain filters: tick 0.01, step 0.001, minimum value 5."""
    filters: dict[str, object] = {
        "base_coin": symbol.removesuffix("USDT"),
        "tick_size": Decimal("0.01"),
        "quantity_step": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
        "max_quantity": Decimal(100_000),
        "max_market_quantity": Decimal(50_000),
        "min_notional": Decimal(5),
        "max_leverage": Decimal(50),
        "launch_time": START - 400 * DAY_MS,
    }
    return Listing(symbol=symbol, **(filters | changes))  # type: ignore[arg-type]


class ScriptedMarket:
    """Prices as polylines: per symbol a list of (milliseconds after START, price) knots.

    Before the first knot and after the last the price stands still. Every minute trades 1,000 USDT,
    evenly; spread, depth and funding are the same for all symbols and can be changed at will.
    """

    def __init__(
        self,
        scripts: dict[str, Sequence[tuple[int, float]]],
        *,
        listings: Sequence[Listing] = (),
        half_spread: float = 0.0001,
        depth_usdt: float = 100_000.0,
        funding: Sequence[tuple[int, float]] = (),
        mark_ratio: float = 1.0,
    ) -> None:
        special = {item.symbol: item for item in listings}
        self.listings = tuple(special.get(s) or listing(s) for s in sorted(scripts))
        self.planted: tuple[PlantedEvent, ...] = ()
        self.start = START
        self.end: int | None = None
        self.half_spread = half_spread
        self.depth_usdt = depth_usdt
        self.funding = [(START + time, rate) for time, rate in funding]
        self.mark_ratio = mark_ratio
        self.sides: list[tuple[int, str | None]] = []
        self.paths_asked: list[int] = []
        self._knots = [
            (
                np.array([START + time for time, _ in scripts[item.symbol]], dtype=np.int64),
                np.array([price for _, price in scripts[item.symbol]], dtype=np.float64),
            )
            for item in self.listings
        ]

    def price(self, index: int, time: int) -> float:
        times, prices = self._knots[index]
        # At a gap (two knots at one time) the price after it holds.
        after = int(np.searchsorted(times, time, side="right"))
        if after == 0:
            return float(prices[0])
        if after == len(times):
            return float(prices[-1])
        share = (time - times[after - 1]) / (times[after] - times[after - 1])
        return float(prices[after - 1] + share * (prices[after] - prices[after - 1]))

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        self.paths_asked.append(index)
        times, prices = self._knots[index]
        inside = (times > start) & (times <= end)
        knots = [start, *times[inside].tolist(), end]
        line = [self.price(index, start), *prices[inside].tolist(), self.price(index, end)]
        return np.array(knots, dtype=np.int64), np.array(line)

    def _candle(self, index: int, opened: int, until: int) -> tuple[float, float, float, float]:
        line = self.path(index, opened, until)[1]
        return float(line[0]), float(line.max()), float(line.min()), float(line[-1])

    def _minutes(self, index: int, opened: list[int], until: list[int]) -> Minutes:
        rows = [self._candle(index, a, b) for a, b in zip(opened, until, strict=True)]
        prices = np.array(rows, dtype=np.float64).reshape(len(rows), 4).T
        share = (np.array(until, dtype=float) - np.array(opened, dtype=float)) / MINUTE_MS
        turnover = 1_000.0 * share
        return Minutes(
            open_time=np.array(opened, dtype=np.int64),
            open=prices[0],
            high=prices[1],
            low=prices[2],
            close=prices[3],
            volume=turnover / prices[3],
            turnover=turnover,
        )

    def minutes(self, index: int, first: int, last: int) -> Minutes:
        launch = self.listings[index].launch_time
        begin = -(-max(first, launch) // MINUTE_MS) * MINUTE_MS
        opened = list(range(begin, last + 1, MINUTE_MS))
        return self._minutes(index, opened, [time + MINUTE_MS for time in opened])

    def forming(self, index: int, time: int) -> Minutes:
        return self._minutes(index, [time // MINUTE_MS * MINUTE_MS], [time])

    def trades(self, index: int, first: int, end: int) -> Trades:
        return plain_trades(self, index, first, end)

    def view(self, time: int) -> MarketView:
        count = len(self.listings)
        last = np.array([self.price(n, time) for n in range(count)])
        day = np.full(count, 1_440_000.0)
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
            funding_rate=np.full(count, 0.0001),
            half_spread=np.full(count, self.half_spread),
            depth_usdt=np.full(count, self.depth_usdt),
        )

    def funding_times(self, index: int, start: int, end: int) -> list[tuple[int, float]]:
        return [(time, rate) for time, rate in self.funding if start < time <= end]

    def side_against(self, index: int, side: str | None) -> None:
        self.sides.append((index, side))
