"""The random market of a world."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from pumpwatch_workbench.simulator.market.polyline import PolylineMarket
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, Listing

STEP = 5_000
"""Milliseconds between two knots of a price's line."""
DEPTH_USDT, HALF_SPREAD, TURNOVER = 60_000.0, 0.0005, 3_500.0


def random_market(
    random: np.random.Generator, *, symbols: int, minutes: int, start: int
) -> PolylineMarket:
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
    times = [start + STEP * knot for knot in range(knots)]
    return PolylineMarket(
        listings,
        [(times, row) for row in (np.exp(lines) * base).tolist()],
        start,
        fundings=fundings,
        half_spread=HALF_SPREAD,
        depth_usdt=DEPTH_USDT,
        turnover=TURNOVER,
    )


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
