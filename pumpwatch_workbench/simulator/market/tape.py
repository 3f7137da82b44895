"""The trades of many minutes in one row, and what each minute has come to at any millisecond.

The last trade is the price until the next one, so ticker, forming candle and recent trades agree at
every instant. Prices are whole ticks and quantities whole steps: sums are exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pumpwatch_workbench.simulator.market.paths import PartialMinutes
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    BoolArray,
    FloatArray,
    IntArray,
    Trades,
)

STRIDE = 2 * MINUTE_MS
_HIGH_HALF = 32
_LOW_HALF = (1 << _HIGH_HALF) - 1


class Tape:
    """Trades by minute and then by time.

    `minute` numbers the minutes from 0, `offset` is milliseconds after the minute's start.
    """

    def __init__(
        self,
        minutes: int,
        minute: IntArray,
        offset: IntArray,
        bought: BoolArray,
        ticks: IntArray,
        units: IntArray,
    ) -> None:
        self.offset, self.bought, self.ticks, self.units = offset, bought, ticks, units
        self.starts: IntArray = np.searchsorted(minute, np.arange(minutes + 1))
        self._keys = minute * STRIDE + offset
        # The extremes of each minute so far: a later minute's key is always the larger one.
        minute_key = minute << _HIGH_HALF
        self._high = np.append(np.maximum.accumulate(minute_key + ticks) & _LOW_HALF, 0)
        self._low = np.append(
            _LOW_HALF - (np.maximum.accumulate(minute_key + _LOW_HALF - ticks) & _LOW_HALF), 0
        )
        self._last = np.append(ticks, 0)
        self._units = starts(units)
        self._flow = starts(units * ticks)

    def so_far(
        self,
        minutes: IntArray,
        offset: int,
        opening: FloatArray,
        scale: FloatArray,
        unit: FloatArray,
    ) -> PartialMinutes:
        """Return some minutes, which opened at these prices, at `offset` milliseconds.

        Prices are multiples of one over `scale`, quantities of `unit`.
        """
        opened = np.rint(opening * scale).astype(np.int64)
        end = np.searchsorted(self._keys, minutes * STRIDE + offset, side="right")
        begin = self.starts[minutes]
        traded, latest = end > begin, end - 1
        return PartialMinutes(
            np.where(traded, self._last[latest], opened) / scale,
            np.where(traded, np.maximum(self._high[latest], opened), opened) / scale,
            np.where(traded, np.minimum(self._low[latest], opened), opened) / scale,
            (self._units[end] - self._units[begin]) * unit,
            (self._flow[end] - self._flow[begin]) * (unit / scale),
        )

    def flows(self) -> IntArray:
        """Return the turnover of each complete minute, ticks times units."""
        return np.diff(self._flow[self.starts])

    def trades(self, minutes: Sequence[tuple[int, int]], scale: float, unit: float) -> Trades:
        """Return the trades of some minutes: (minute, start in milliseconds UTC) of each."""
        at, opened = np.array(minutes, dtype=np.int64).reshape(-1, 2).T
        counts = self.starts[at + 1] - self.starts[at]
        places = np.arange(counts.sum()) + np.repeat(self.starts[at] - starts(counts)[:-1], counts)
        return Trades(
            self.offset[places] + np.repeat(opened, counts),
            self.bought[places],
            self.ticks[places] / scale,
            self.units[places] * unit,
        )


def starts(counts: IntArray) -> IntArray:
    """Return the sum of the counts before each one, and the sum of them all."""
    return np.concatenate([[0], np.cumsum(counts)])
