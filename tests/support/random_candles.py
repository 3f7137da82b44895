"""Random markets for detection tests: candles with gaps, and trades with tickers that fit them."""

from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.detection.screen import Reading
from pumpwatch.domain.market.candles import Candles

COLUMNS = ("open", "high", "low", "close", "volume", "turnover")
DAY = 86_400_000


def random_candles(
    seed,
    symbols,
    count,
    *,
    interval=60_000,
    gaps=0.0,
    zeros=0.0,
    late=False,
    constant=False,
    fading=0.0,
    scale=1000.0,
):
    """Return candles with bursts.

    Share `gaps` is unknown and share `zeros` without trades; `late`: listed late; `constant`:
    nearly all candles trade the same at the same price; with `fading` the market dries up.
    """
    random = np.random.default_rng(seed)
    shape = (symbols, count)
    move = random.standard_t(3, shape) * 0.01
    close = np.exp(np.cumsum(move, axis=1)) * random.lognormal(0, 2, (symbols, 1))
    opened = close * np.exp(random.normal(0, 0.005, shape))
    wick = np.exp(np.abs(random.standard_t(2, shape)) * 0.01)
    turnover = scale * random.lognormal(0, 1.5, shape) * np.exp(-fading * np.arange(count))
    if constant:
        close[:] = close[:, :1]
        turnover[random.random(shape) < 0.95] = scale * 1.1
    turnover[random.random(shape) < zeros] = 0.0
    candles = Candles.empty(
        [f"S{n}USDT" for n in range(symbols)], interval=interval, first=0, count=count
    )
    candles.open[:] = opened
    candles.close[:] = close
    candles.high[:] = np.maximum(opened, close) * wick
    candles.low[:] = np.minimum(opened, close) / wick
    candles.turnover[:] = turnover
    candles.volume[:] = turnover / close
    unknown = random.random(shape) < gaps
    if late and count:
        unknown |= np.arange(count) < random.integers(0, count + 1, (symbols, 1))
    for name in COLUMNS:
        getattr(candles, name)[unknown] = np.nan
    return candles


@dataclass(frozen=True, eq=False)
class Tape:
    """Trades of one symbol: time (ms, ascending), price, quantity."""

    time: np.ndarray
    price: np.ndarray
    quantity: np.ndarray

    def until(self, time):
        inside = self.time <= time
        return Tape(self.time[inside], self.price[inside], self.quantity[inside])

    def candles(self, symbol, first, end, interval, *, fill):
        """Return the candles that open in [first, end); `fill`: an empty one repeats the close."""
        grid = Candles.empty(
            [symbol], interval=interval, first=first, count=(end - first) // interval
        )
        inside = (self.time >= first) & (self.time < end)
        time, price, quantity = self.time[inside], self.price[inside], self.quantity[inside]
        if len(time):
            column = (time - first) // interval
            starts = np.flatnonzero(np.diff(column, prepend=-1))
            where = column[starts]
            ends = np.append(starts[1:], len(time)) - 1
            grid.open[0, where], grid.close[0, where] = price[starts], price[ends]
            grid.high[0, where] = np.maximum.reduceat(price, starts)
            grid.low[0, where] = np.minimum.reduceat(price, starts)
            grid.volume[0, where] = np.add.reduceat(quantity, starts)
            grid.turnover[0, where] = np.add.reduceat(quantity * price, starts)
        if fill:
            _fill(grid)
        return grid

    def day(self, time, *, step):
        """Return (low, high, volume, turnover) of 24 hours; the window slides by `step` ms."""
        begin = (time - DAY) // step * step
        inside = (self.time > begin) & (self.time <= time)
        price, quantity = self.price[inside], self.quantity[inside]
        if not len(price):
            last = self.until(time).price[-1:]
            low = high = float(last[0]) if len(last) else np.nan
            return low, high, 0.0, 0.0
        turnover = float((price * quantity).sum())
        return float(price.min()), float(price.max()), float(quantity.sum()), turnover


def _fill(grid):
    known = ~np.isnan(grid.close[0])
    source = np.maximum.accumulate(np.where(known, np.arange(len(known)), -1))
    empty = ~known & (source >= 0)
    for name in ("open", "high", "low"):
        getattr(grid, name)[0, empty] = grid.close[0, source[empty]]
    grid.close[0, empty] = grid.close[0, source[empty]]
    grid.volume[0, empty] = grid.turnover[0, empty] = 0.0


def random_tape(seed, begin, end, live):
    """Return trades in [begin, end); from `live` on some minutes burst and jump.

    A day before a burst there is often another one, which then leaves the ticker's 24 hours.
    """
    random = np.random.default_rng(seed)
    busy = random.integers(begin, end, int(random.integers(300, 2500)))
    starts = random.integers(live, end, int(random.integers(0, 6)))
    bursts = [at + random.integers(0, 45_000, int(random.integers(2, 40))) for at in starts]
    old = [
        at - DAY + random.integers(-90_000, 90_000, int(random.integers(5, 60)))
        for at in starts
        if random.random() < 0.7
    ]
    time = np.concatenate([busy, *bursts, *old])
    wild = np.concatenate([np.zeros(len(busy), bool), np.ones(len(time) - len(busy), bool)])
    order = np.argsort(time, kind="stable")
    order = order[(time[order] >= begin) & (time[order] < end)]
    time, wild = time[order], wild[order]
    calm = 10.0 ** random.integers(-4, -2)
    price = np.exp(np.cumsum(random.standard_t(3, len(time)) * np.where(wild, 0.02, calm)))
    quantity = random.lognormal(0, 1.2, len(time)) * np.where(wild, 30, 1)
    return Tape(time, price, quantity)


def reading_of(tapes, time, flow, *, step):
    """Return the tickers at `time`, flows rounded to four decimals as the exchange does."""
    days = np.array([tape.day(time, step=step) for tape in tapes])
    return Reading(time, days[:, 0], days[:, 1], np.round(days[:, 2 if flow == "volume" else 3], 4))
