"""The rolling 24 hours of every symbol, as a ticker reports them.

The window (t - 24 h, t] slides continuously: the forming minute counts with what has traded in it, the minute
that leaves counts with what is left of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from workbench.simulator.market import MINUTE_MS, FloatArray
from workbench.simulator.paths import MinutePaths, PartialMinutes, after, price_at

HOUR_MS = 3_600_000
MINUTES_PER_HOUR = 60
MINUTES_PER_DAY = 1_440


@dataclass(frozen=True, slots=True, eq=False)
class Hour:
    """One hour of the whole market: paths shaped (60, symbols) and their totals shaped (symbols,)."""

    paths: MinutePaths
    volume: FloatArray
    turnover: FloatArray
    high: FloatArray
    low: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class DayStatistics:
    """The rolling 24 hours at one instant; every array is shaped (symbols,)."""

    high: FloatArray
    low: FloatArray
    volume: FloatArray
    turnover: FloatArray
    price_day_ago: FloatArray
    price_hour_ago: FloatArray


def summarise(paths: MinutePaths) -> Hour:
    """Return an hour with its totals."""
    return Hour(
        paths,
        paths.volume.sum(axis=0),
        paths.turnover.sum(axis=0),
        paths.high.max(axis=0),
        paths.low.min(axis=0),
    )


class DayWindow:
    """Computes rolling statistics from hours that `hour(number)` supplies (number = time // 1 h)."""

    def __init__(self, hour: Callable[[int], Hour], scale: FloatArray) -> None:
        self._hour = hour
        self._scale = scale
        self._minute = -1
        self._complete: tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None = None

    def statistics(self, time: int, forming: PartialMinutes) -> DayStatistics:
        """Return the statistics at `time`, whose minute has got as far as `forming`."""
        minute, offset = divmod(time, MINUTE_MS)
        volume, turnover, high, low = self._complete_minutes(minute)
        leaving = after(self._row(minute - MINUTES_PER_DAY), offset, self._scale)
        hour_ago = self._row(minute - MINUTES_PER_HOUR)
        return DayStatistics(
            high=np.maximum(np.maximum(high, forming.high), leaving.high),
            low=np.minimum(np.minimum(low, forming.low), leaving.low),
            volume=volume + forming.volume + leaving.volume,
            turnover=turnover + forming.turnover + leaving.turnover,
            price_day_ago=leaving.price,
            price_hour_ago=price_at(hour_ago, offset, self._scale),
        )

    def _row(self, minute: int) -> MinutePaths:
        return self._hour(minute // MINUTES_PER_HOUR).paths[minute % MINUTES_PER_HOUR]

    def _complete_minutes(
        self, minute: int
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return volume, turnover, high and low of the 1,439 complete minutes before `minute`."""
        if self._complete is None or self._minute != minute:
            self._complete = self._summed(minute - MINUTES_PER_DAY + 1, minute)
            self._minute = minute
        return self._complete

    def _summed(
        self, first: int, stop: int
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        pieces = []
        while first < stop:
            number, row = divmod(first, MINUTES_PER_HOUR)
            rows = min(MINUTES_PER_HOUR - row, stop - first)
            hour = self._hour(number)
            if rows < MINUTES_PER_HOUR:
                hour = summarise(hour.paths[row : row + rows])
            pieces.append((hour.volume, hour.turnover, hour.high, hour.low))
            first += rows
        volume, turnover, high, low = (
            np.stack(column) for column in zip(*pieces, strict=True)
        )
        return volume.sum(axis=0), turnover.sum(axis=0), high.max(axis=0), low.min(axis=0)
