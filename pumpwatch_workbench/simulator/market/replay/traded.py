"""Minutes whose every trade was recorded: the price goes from trade to trade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pumpwatch_workbench.simulator.market.replay.recording import Trades
from pumpwatch_workbench.simulator.market.replay.staging import Grid, Played, Staged
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    BoolArray,
    FloatArray,
    IntArray,
    Prints,
)


@dataclass(frozen=True, slots=True)
class Part:
    """What happens in a part of a minute."""

    price: float
    high: float
    low: float
    volume: float
    turnover: float


@dataclass(frozen=True, slots=True, eq=False)
class TradedMinute:
    """A minute as a line through its trades; arrays are shaped (knots,)."""

    offset: IntArray
    """Milliseconds after the minute's start, from 0 to 60,000."""
    price: FloatArray
    volume: FloatArray
    """Traded from the minute's start to the knot."""
    turnover: FloatArray
    bought: BoolArray
    """Whether the taker bought, of the trades alone: (knots - 2,)."""

    def prints(self, opened: int) -> Prints:
        """Return the trades of the minute that opened at `opened` (milliseconds UTC)."""
        return Prints(
            opened + self.offset[1:-1], self.bought, self.price[1:-1], np.diff(self.volume[:-1])
        )

    def until(self, offset: int, scale: float) -> Part:
        """Return what has happened `offset` milliseconds into the minute."""
        knot, price, volume, turnover = self._at(offset, scale)
        passed = self.price[:knot]
        high, low = max(float(passed.max()), price), min(float(passed.min()), price)
        return Part(price, high, low, volume, turnover)

    def after(self, offset: int, scale: float) -> Part:
        """Return what is still to happen `offset` milliseconds into the minute."""
        knot, price, volume, turnover = self._at(offset, scale)
        coming = self.price[knot:]
        high, low = max(float(coming.max()), price), min(float(coming.min()), price)
        return Part(
            price, high, low, float(self.volume[-1]) - volume, float(self.turnover[-1]) - turnover
        )

    def _at(self, offset: int, scale: float) -> tuple[int, float, float, float]:
        """Return the next knot and the price, volume and turnover at an offset below 60,000."""
        knot = int(np.searchsorted(self.offset, offset, side="right"))
        left, right = self.offset[knot - 1], self.offset[knot]
        weight = float((offset - left) / (right - left))
        price, volume, turnover = (
            float(line[knot - 1] + (line[knot] - line[knot - 1]) * weight)
            for line in (self.price, self.volume, self.turnover)
        )
        return knot, float(np.rint(price * scale) / scale), volume, turnover


def traded_minutes(
    staged: Staged, grid: Grid, played: Played, trades: Trades
) -> dict[int, TradedMinute]:
    """Return the minutes of the live window that have trades, by their row on the grid.

    A minute whose trades do not give its candle (open, high, low, close) keeps the candle alone.
    """
    times = trades.time + staged.shift
    rows = times // MINUTE_MS - grid.first
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    scale = 10.0**played.price_decimals
    prices = np.rint(trades.price * played.factor * scale) / scale
    minutes = {}
    for start, stop in zip(starts, np.append(starts[1:], rows.size), strict=True):
        row, part = int(rows[start]), slice(int(start), int(stop))
        if _gives_candle(prices[part], played, row):
            minutes[row] = _line(
                times[part] % MINUTE_MS,
                prices[part],
                trades.quantity[part],
                trades.bought[part],
                played,
                row,
            )
    return minutes


def _gives_candle(prices: FloatArray, played: Played, row: int) -> bool:
    candle = (played.open[row], played.high[row], played.low[row], played.close[row])
    return (prices[0], prices.max(), prices.min(), prices[-1]) == candle


def _line(
    offset: IntArray,
    prices: FloatArray,
    quantity: FloatArray,
    bought: BoolArray,
    played: Played,
    row: int,
) -> TradedMinute:
    volume, turnover = np.cumsum(quantity), np.cumsum(quantity * prices)
    # The candle's own totals rule; they differ from the trades' sums by rounding.
    volume *= played.volume[row] / volume[-1]
    turnover *= played.turnover[row] / turnover[-1]
    return TradedMinute(
        offset=np.concatenate([[0], offset, [MINUTE_MS]]).astype(np.int64),
        price=np.concatenate([prices[:1], prices, prices[-1:]]),
        volume=np.concatenate([[0.0], volume, volume[-1:]]),
        turnover=np.concatenate([[0.0], turnover, turnover[-1:]]),
        bought=bought,
    )
