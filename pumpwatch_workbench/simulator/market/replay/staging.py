"""Puts recorded events on one market clock, and recorded candles on one grid of minutes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.recordings.quote import usdt_factor
from pumpwatch_workbench.simulator.market.day_window import HOUR_MS, MINUTES_PER_HOUR
from pumpwatch_workbench.simulator.market.replay.recording import Stretch
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, FloatArray, Minutes

BEFORE_ONSET_MS = 10 * MINUTE_MS
AFTER_ONSET_MS = 60 * MINUTE_MS
HISTORY_MS = 25 * HOUR_MS
_SPARE_HISTORY_MS = 2 * HOUR_MS
_LOOK_BACK_MS = 24 * HOUR_MS
_MAX_DECIMALS = 12
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Staged:
    """A recorded event's place on the market clock; all times in milliseconds UTC."""

    event: LabelledPump
    shift: int
    """Market time less recorded time, whole hours."""

    @property
    def onset(self) -> int:
        """Return the onset in market time."""
        return self.event.onset + self.shift

    @property
    def live_start(self) -> int:
        """Return the full minute 10 minutes (or a little more) before the onset, market time."""
        return (self.onset - BEFORE_ONSET_MS) // MINUTE_MS * MINUTE_MS

    @property
    def live_end(self) -> int:
        """Return the full minute 60 minutes (or a little more) after the onset, market time."""
        return -(-(self.onset + AFTER_ONSET_MS) // MINUTE_MS) * MINUTE_MS


def stage(events: Sequence[LabelledPump], begin: int, per_hour: int) -> list[Staged]:
    """Return the counted events staggered by whole hours, `per_hour` of them in each.

    Every onset keeps its minute and second; the first ones come in the hour after `begin` (a full
    hour, milliseconds UTC).
    """
    counted = [event for event in events if event.counted]
    staged = []
    for number, event in enumerate(counted):
        hour = begin + (1 + number // per_hour) * HOUR_MS
        staged.append(Staged(event, hour - event.onset // HOUR_MS * HOUR_MS))
    return staged


@dataclass(frozen=True, slots=True)
class Grid:
    """The minutes that all contracts of a replay share, numbered from 1970."""

    first: int
    minutes: int

    @property
    def first_hour(self) -> int:
        """Return the number of the first hour."""
        return self.first // MINUTES_PER_HOUR


def grid_for(staged: Sequence[Staged]) -> Grid:
    """Return whole hours from 27 hours before the first live window to an idle one at the end."""
    first = min(one.live_start for one in staged) - HISTORY_MS - _SPARE_HISTORY_MS
    first_hour = first // HOUR_MS
    last_hour = max(one.live_end for one in staged) // HOUR_MS + 1
    hours = last_hour + 1 - first_hour
    return Grid(first_hour * MINUTES_PER_HOUR, hours * MINUTES_PER_HOUR)


def stretch_for(staged: Staged, grid: Grid) -> Stretch:
    """Return what to read of the recording, with a day more for the price before the grid."""
    first = grid.first * MINUTE_MS - staged.shift
    return Stretch(
        staged.event.segment, first - _LOOK_BACK_MS, staged.live_end - staged.shift - MINUTE_MS
    )


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """One contract's minutes on the grid; arrays are shaped (minutes,), prices in USDT."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    turnover: FloatArray
    launch: int
    """First row there is a price for."""
    factor: float
    """What recorded prices and turnovers were multiplied by, a power of ten."""
    price_decimals: int
    quantity_decimals: int


def lay_out(staged: Staged, grid: Grid, candles: Minutes) -> Played | str:
    """Return the event's candles on the grid, or the reason why it cannot be played.

    Minutes without a candle have the last close and no volume; so has every minute after the live
    window. The factor is what `usdt_factor` makes of a day of the history.
    """
    problem = _shortage(staged, candles)
    if problem:
        return problem
    rows = (candles.open_time + staged.shift) // MINUTE_MS - grid.first
    factor = _factor(staged, candles)
    decimals = _decimals(np.concatenate([candles.open, candles.high, candles.low, candles.close]))
    scale = 10.0 ** max(decimals - round(np.log10(factor)), 0)
    inside = rows >= 0
    at = rows[inside]
    # The latest candle of each row, -1 before the first; candles before the grid are on row 0.
    latest = np.full(grid.minutes, -1)
    latest[0] = np.count_nonzero(~inside) - 1
    latest[at] = np.flatnonzero(inside)
    np.maximum.accumulate(latest, out=latest)
    close = np.rint(candles.close * factor * scale) / scale
    filled = close[np.maximum(latest, 0)]
    prices = {}
    for name in ("open", "high", "low"):
        prices[name] = filled.copy()
        prices[name][at] = np.rint(getattr(candles, name)[inside] * factor * scale) / scale
    volume, turnover = np.zeros(grid.minutes), np.zeros(grid.minutes)
    volume[at] = candles.volume[inside]
    turnover[at] = candles.turnover[inside] * factor
    return Played(
        **prices,
        close=filled,
        volume=volume,
        turnover=turnover,
        launch=int(np.argmax(latest >= 0)),
        factor=factor,
        price_decimals=round(np.log10(scale)),
        quantity_decimals=max(_decimals(candles.volume), int(np.ceil(np.log10(filled[-1])))),
    )


def _shortage(staged: Staged, candles: Minutes) -> str:
    if not candles.open_time.size:
        return "the segment has no candles there"
    times = candles.open_time + staged.shift
    if times[0] > staged.live_start - HISTORY_MS:
        hours = max(staged.onset - int(times[0]), 0) / HOUR_MS
        return f"only {hours:.1f} h of candles before its onset, 25 h and 10 min are needed"
    if not np.any((times >= staged.live_start - HISTORY_MS) & (times < staged.live_start)):
        return "no candle in the 25 hours before its live window"
    if times[-1] < staged.onset:
        return "no candle after its onset"
    return ""


def _factor(staged: Staged, candles: Minutes) -> float:
    times = candles.open_time + staged.shift
    history = (times >= staged.live_start - HISTORY_MS) & (times < staged.live_start)
    daily = float(candles.turnover[history].sum()) * 24 * HOUR_MS / HISTORY_MS
    return usdt_factor(staged.event.symbol, daily)


def _decimals(values: FloatArray) -> int:
    """Return how many decimals the values have, at most 12."""
    for decimals in range(_MAX_DECIMALS):
        scaled = values * 10.0**decimals
        if np.all(np.abs(scaled - np.rint(scaled)) <= _ROUNDING * np.maximum(np.abs(scaled), 1.0)):
            return decimals
    return _MAX_DECIMALS
