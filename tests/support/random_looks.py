"""Looks at made-up bursts: a quiet day, and five minutes of trades with the snapshots they give."""

from dataclasses import replace

import numpy as np

from pumpwatch.domain.detection.bursts import Look
from pumpwatch.domain.market.candles import COLUMNS, Candles
from pumpwatch.domain.market.ring import KEPT, Ring
from pumpwatch.domain.market.trades import MarketTrades

MINUTE, SECOND = 60_000, 1_000
TIME = 1_700_000_000_000


def quiet_candles(random, time, *, count=1500, gaps=0.0):
    """Return candles up to the minute before that of `time`, about 1 of turnover each."""
    first = (time // MINUTE - count) * MINUTE
    candles = Candles.empty(["AUSDT"], interval=MINUTE, first=first, count=count)
    close = 10 * np.exp(np.cumsum(random.normal(0, 1e-4, count)))
    high = close * (1 + np.abs(random.normal(0, 1e-3, count)))
    turnover = random.lognormal(0, 0.5, count) * (random.random(count) < 0.8)
    for name, column in zip(
        COLUMNS, (close, high, close, close, turnover / close, turnover), strict=True
    ):
        getattr(candles, name)[0] = column
    unknown = random.random(count) < gaps
    unknown[-5:] = False
    for name in COLUMNS:
        getattr(candles, name)[0, unknown] = np.nan
    return candles


def burst_trades(random, time, *, count=300, age=20 * SECOND, bought=0.8, begin=KEPT):
    """Return trades of a quiet market in which a burst began `age` ago."""
    few = random.integers(time - begin, time - age, 12)
    many = random.integers(time - age, time, count)
    at = np.sort(np.concatenate([few, many]))
    worth = np.where(at < time - age, 0.1, 200 / count) * random.lognormal(0, 1, len(at))
    rise = np.clip((at - (time - age)) / age, 0, 1) * random.uniform(0.02, 0.3)
    price = 10 * np.exp(rise + random.normal(0, 2e-3, len(at)))
    return MarketTrades(at, random.random(len(at)) < bought, price, worth / price, time - begin)


def snapshots(trades, time, *, interval=5 * SECOND, times=None):
    """Return what scans so far apart saw of the trades, up to `time`."""
    if times is None:
        times = np.arange(time - KEPT + KEPT % interval, time + 1, interval, dtype=np.int64)
    place = np.searchsorted(trades.time, times)
    flow = np.concatenate([[0.0], np.cumsum(trades.price * trades.quantity)])[place]
    last = np.concatenate([[10.0], trades.price])[place]
    return Ring(times, last[None], flow[None])


def random_look(seed, *, interval=5 * SECOND, gaps=0.0, **burst):
    """Return a look at a burst. `burst`: see `burst_trades`."""
    random = np.random.default_rng(seed)
    time = TIME + int(random.integers(0, 3_600_000))
    candles = quiet_candles(random, time, gaps=gaps)
    trades = burst_trades(random, time, **burst)
    return Look(time, snapshots(trades, time, interval=interval), candles, trades)


def scaled(look, worth, size=1.0):
    """Return the look with other amounts: prices times `worth`, quantities times `size`."""
    prices = {name: getattr(look.candles, name) * worth for name in COLUMNS[:4]}
    candles = replace(
        look.candles,
        volume=look.candles.volume * size,
        turnover=look.candles.turnover * worth * size,
        **prices,
    )
    ring = replace(look.ring, last=look.ring.last * worth, flow=look.ring.flow * worth * size)
    trades = replace(
        look.trades, price=look.trades.price * worth, quantity=look.trades.quantity * size
    )
    return Look(look.time, ring, candles, trades)


def moved(look, by):
    """Return the look at another time, milliseconds later."""
    candles = replace(look.candles, open_time=look.candles.open_time + by)
    trades = replace(look.trades, time=look.trades.time + by, since=look.trades.since + by)
    return Look(look.time + by, replace(look.ring, time=look.ring.time + by), candles, trades)
