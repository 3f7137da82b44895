"""The trades of many minutes in one row, and what each minute has come to at any millisecond.

The last trade is the price until the next one, so ticker, forming candle and recent trades agree at
every instant. Prices are whole ticks and quantities whole steps: sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pumpwatch_workbench.simulator.market.source import MINUTE_MS, BoolArray, IntArray, Trades

STRIDE = 2 * MINUTE_MS
_HIGH_HALF = 32
_LOW_HALF = (1 << _HIGH_HALF) - 1


class SoFar(NamedTuple):
    """Minutes as they stand at an instant; arrays are shaped (minutes,)."""

    last: IntArray
    """Ticks, as are `high` and `low`; each minute's open until it has a trade."""
    high: IntArray
    low: IntArray
    units: IntArray
    """Quantity steps traded."""
    flow: IntArray
    """Ticks times units: turnover."""


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
        self._high = _padded(np.maximum.accumulate(minute_key + ticks) & _LOW_HALF)
        self._low = _padded(
            _LOW_HALF - (np.maximum.accumulate(minute_key + _LOW_HALF - ticks) & _LOW_HALF)
        )
        self._last = _padded(ticks)
        self._units = _summed(units)
        self._flow = _summed(units * ticks)

    def so_far(self, minutes: IntArray, offset: int, opened: IntArray) -> SoFar:
        """Return some minutes, which opened so (ticks), at `offset` milliseconds."""
        end = np.searchsorted(self._keys, minutes * STRIDE + offset, side="right")
        begin = self.starts[minutes]
        traded, latest = end > begin, end - 1
        return SoFar(
            np.where(traded, self._last[latest], opened),
            np.where(traded, np.maximum(self._high[latest], opened), opened),
            np.where(traded, np.minimum(self._low[latest], opened), opened),
            self._units[end] - self._units[begin],
            self._flow[end] - self._flow[begin],
        )

    def flows(self) -> IntArray:
        """Return the turnover of each complete minute, ticks times units."""
        return np.diff(self._flow[self.starts])

    def trades(self, minutes: Iterable[tuple[int, int]], scale: float, unit: float) -> Trades:
        """Return the trades of some minutes: (minute, start in milliseconds UTC) of each.

        Prices are multiples of one over `scale`, quantities of `unit`.
        """
        chosen = [(slice(*self.starts[[at, at + 1]].tolist()), opened) for at, opened in minutes]
        parts = [part for part, _ in chosen]
        times = [self.offset[part] + opened for part, opened in chosen]
        return Trades(
            np.concatenate([np.empty(0, np.int64), *times]),
            _gathered(self.bought, parts),
            _gathered(self.ticks, parts) / scale,
            _gathered(self.units, parts) * unit,
        )


def _padded(values: IntArray) -> IntArray:
    """Return the values with one more, so that there is a last one."""
    return np.append(values, 0)


def _summed(values: IntArray) -> IntArray:
    return np.concatenate([[0], np.cumsum(values)])


def _gathered(values: NDArray[Any], parts: Sequence[slice]) -> NDArray[Any]:
    return np.concatenate([values[:0], *(values[part] for part in parts)])
