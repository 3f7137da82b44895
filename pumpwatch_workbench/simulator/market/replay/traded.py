"""Minutes whose every trade was recorded: the price goes from trade to trade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pumpwatch_workbench.simulator.market.paths import PartialMinutes
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    BoolArray,
    FloatArray,
    IntArray,
    Minutes,
    Trades,
)


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
    """True where the taker bought, for the trades alone: (knots - 2,)."""

    def trades(self, opened: int) -> Trades:
        """Return the trades of the minute that opened at `opened` (milliseconds UTC)."""
        return Trades(
            opened + self.offset[1:-1], self.bought, self.price[1:-1], np.diff(self.volume[:-1])
        )

    def until(self, offset: int, scale: float) -> PartialMinutes:
        """Return what has happened `offset` milliseconds into the minute, shaped (1,)."""
        knot, price, volume, turnover = self._at(offset, scale)
        passed = np.append(self.price[:knot], price)
        return _part(price, passed, volume, turnover)

    def after(self, offset: int, scale: float) -> PartialMinutes:
        """Return what is still to happen `offset` milliseconds into the minute, shaped (1,)."""
        knot, price, volume, turnover = self._at(offset, scale)
        coming = np.append(self.price[knot:], price)
        return _part(price, coming, self.volume[-1] - volume, self.turnover[-1] - turnover)

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


def _part(price: float, prices: FloatArray, volume: float, turnover: float) -> PartialMinutes:
    values = (price, prices.max(), prices.min(), volume, turnover)
    return PartialMinutes(*(np.array([value]) for value in values))


def traded_minutes(
    trades: Trades | None, minutes: Minutes, shift: int, factor: float, scale: float
) -> dict[int, TradedMinute]:
    """Return the minutes that have trades, by their row.

    `trades` are as recorded: `shift` makes their time market time, `factor` their price USDT. A
    minute whose trades do not give its candle (open, high, low, close) keeps the candle alone.
    """
    if trades is None:
        return {}
    times = trades.time + shift
    rows = (times - minutes.open_time[0]) // MINUTE_MS
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    prices = np.rint(trades.price * factor * scale) / scale
    traded = {}
    for part in map(slice, starts.tolist(), [*starts[1:].tolist(), rows.size]):
        row, line = int(rows[part.start]), prices[part]
        candle = (minutes.open[row], minutes.high[row], minutes.low[row], minutes.close[row])
        if (line[0], line.max(), line.min(), line[-1]) == candle:
            quantity = trades.quantity[part]
            volume, turnover = np.cumsum(quantity), np.cumsum(quantity * line)
            # The candle's own totals rule; they differ from the trades' sums by rounding.
            volume *= minutes.volume[row] / volume[-1]
            turnover *= minutes.turnover[row] / turnover[-1]
            traded[row] = TradedMinute(
                offset=np.concatenate([[0], times[part] % MINUTE_MS, [MINUTE_MS]]).astype(np.int64),
                price=np.concatenate([line[:1], line, line[-1:]]),
                volume=np.concatenate([[0.0], volume, volume[-1:]]),
                turnover=np.concatenate([[0.0], turnover, turnover[-1:]]),
                bought=trades.bought[part],
            )
    return traded
