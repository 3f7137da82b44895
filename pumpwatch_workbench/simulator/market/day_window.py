"""The rolling 24 hours of every symbol, as a ticker reports them.

The window (t - 24 h, t] slides continuously: the forming minute counts with what has traded in it,
the minute that leaves counts with what is left of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pumpwatch_workbench.simulator.market.paths import MinutePaths, PartialMinutes
from pumpwatch_workbench.simulator.market.source import FloatArray

HOUR_MS = 3_600_000
MINUTES_PER_HOUR = 60
MINUTES_PER_DAY = 1_440


@dataclass(frozen=True, slots=True, eq=False)
class Totals:
    """Totals of successive minutes; the last axis is symbols."""

    volume: FloatArray
    turnover: FloatArray
    high: FloatArray
    low: FloatArray

    def at(self, row: int) -> Totals:
        """Return one row of totals shaped (rows, symbols)."""
        return Totals(self.volume[row], self.turnover[row], self.high[row], self.low[row])

    def joined(self, other: Totals | PartialMinutes) -> Totals:
        """Return the totals of both stretches together."""
        return Totals(
            self.volume + other.volume,
            self.turnover + other.turnover,
            np.maximum(self.high, other.high),
            np.minimum(self.low, other.low),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Hour:
    """One hour of the whole market: paths shaped (60, symbols) and totals shaped (symbols,)."""

    paths: MinutePaths
    totals: Totals


def summarise(paths: MinutePaths) -> Hour:
    """Return an hour with its totals."""
    totals = Totals(
        paths.volume.sum(axis=0),
        paths.turnover.sum(axis=0),
        paths.high.max(axis=0),
        paths.low.min(axis=0),
    )
    return Hour(paths, totals)


class DayWindow:
    """Adds up rolling days from hours that `hour(number)` supplies (number = time // 1 h)."""

    def __init__(self, hour: Callable[[int], Hour]) -> None:
        self._hour = hour
        # The latest answer of each kind, because time mostly goes forward in small steps.
        latest = lru_cache(maxsize=1)
        self._suffixes = latest(lambda number: _running(hour(number).paths, backward=True))
        self._prefixes = latest(lambda number: _running(hour(number).paths, backward=False))
        self._middles = latest(self._whole_hours)

    def totals(self, minute: int, forming: PartialMinutes, leaving: PartialMinutes) -> Totals:
        """Return the totals of the 24 hours that end within `minute` (numbered from 1970).

        `forming` is what has happened in that minute, `leaving` what was still to happen in the
        minute 24 hours earlier; in between are 1,439 complete minutes. The result is shaped
        (symbols,).
        """
        return self._complete_minutes(minute).joined(forming).joined(leaving)

    def _complete_minutes(self, minute: int) -> Totals:
        first_hour, first_row = divmod(minute - MINUTES_PER_DAY + 1, MINUTES_PER_HOUR)
        last_hour, rows = divmod(minute, MINUTES_PER_HOUR)
        totals = self._suffixes(first_hour).at(first_row)
        if last_hour > first_hour + 1:
            totals = totals.joined(self._middles(first_hour + 1, last_hour))
        return totals.joined(self._prefixes(last_hour).at(rows - 1)) if rows else totals

    def _whole_hours(self, first: int, stop: int) -> Totals:
        hours = [self._hour(number).totals for number in range(first, stop)]
        return Totals(
            np.stack([hour.volume for hour in hours]).sum(axis=0),
            np.stack([hour.turnover for hour in hours]).sum(axis=0),
            np.stack([hour.high for hour in hours]).max(axis=0),
            np.stack([hour.low for hour in hours]).min(axis=0),
        )


def _running(paths: MinutePaths, *, backward: bool) -> Totals:
    """Return totals shaped (60, symbols): of the rows up to each, or from each row on."""
    order = slice(None, None, -1 if backward else 1)
    return Totals(
        np.cumsum(paths.volume[order], axis=0)[order],
        np.cumsum(paths.turnover[order], axis=0)[order],
        np.maximum.accumulate(paths.high[order], axis=0)[order],
        np.minimum.accumulate(paths.low[order], axis=0)[order],
    )
