"""Paths of price and volume inside a minute.

A minute's price walks a polyline of four knots: its open, two turning points at known instants, its
close. A complete candle and a forming one are both read from that line, so they can never disagree.
Volume trades evenly up to the first turning point and evenly after it; turnover is the integral of
price over volume.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    FloatArray,
    IntArray,
    Minutes,
    Trades,
)

OffsetArray = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class MinutePaths:
    """Minutes as polylines; every array has the same shape, usually (minutes, symbols)."""

    open: FloatArray
    first: FloatArray
    second: FloatArray
    close: FloatArray
    first_at: OffsetArray
    """Milliseconds after the minute's start; 0 < first_at < second_at < 60,000."""
    second_at: OffsetArray
    early_share: FloatArray
    """Share of the volume that trades before the first turning point."""
    volume: FloatArray

    turnover_factor: FloatArray
    """Turnover over the integral of price over volume: 1, or what a recording needs."""

    def __getitem__(self, key: int | slice | tuple[slice | int, int]) -> MinutePaths:
        """Return the same part of every array."""
        return MinutePaths(*(getattr(self, name)[key] for name in _FIELDS))

    def reshaped(self, shape: tuple[int, ...]) -> MinutePaths:
        """Return the same minutes with every array in another shape."""
        return MinutePaths(*(getattr(self, name).reshape(shape) for name in _FIELDS))

    @property
    def high(self) -> FloatArray:
        """Return the highest price of each minute."""
        return np.maximum(np.maximum(self.open, self.close), np.maximum(self.first, self.second))

    @property
    def low(self) -> FloatArray:
        """Return the lowest price of each minute."""
        return np.minimum(np.minimum(self.open, self.close), np.minimum(self.first, self.second))

    @property
    def turnover(self) -> FloatArray:
        """Return the turnover of each complete minute."""
        early = self.volume * self.early_share
        late = self.volume - early
        middle = late * (self.second_at - self.first_at) / (MINUTE_MS - self.first_at)
        integral = 0.5 * (
            early * (self.open + self.first)
            + middle * (self.first + self.second)
            + (late - middle) * (self.second + self.close)
        )
        return integral * self.turnover_factor


_FIELDS = tuple(MinutePaths.__dataclass_fields__)


@dataclass(frozen=True, slots=True, eq=False)
class PartialMinutes:
    """One minute of every symbol, or a part of it; every array is shaped (symbols,)."""

    price: FloatArray
    high: FloatArray
    low: FloatArray
    volume: FloatArray
    turnover: FloatArray


def forming_candle(minute: int, opening: FloatArray, part: PartialMinutes) -> Minutes:
    """Return the candle of a minute (numbered from 1970) that opened so and has come so far."""
    return Minutes(
        open_time=np.array([minute * MINUTE_MS], dtype=np.int64),
        open=opening,
        high=part.high,
        low=part.low,
        close=part.price,
        volume=part.volume,
        turnover=part.turnover,
    )


def concatenate(parts: list[MinutePaths]) -> MinutePaths:
    """Join minutes along their first axis."""
    return MinutePaths(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in _FIELDS)
    )


def price_at(paths: MinutePaths, offset: int, scale: FloatArray) -> FloatArray:
    """Return the price `offset` milliseconds into the minute, on the tick.

    `scale` is one over the tick size, a power of ten.
    """
    return np.rint(_line(paths, offset) * scale) / scale


def until(paths: MinutePaths, offset: int, scale: FloatArray) -> PartialMinutes:
    """Return what has happened `offset` milliseconds into the minute."""
    line = _line(paths, offset)
    price = np.rint(line * scale) / scale
    first = np.where(paths.first_at <= offset, paths.first, price)
    second = np.where(paths.second_at <= offset, paths.second, price)
    return _part(price, (paths.open, price, first, second), *_traded(paths, offset, line))


def after(paths: MinutePaths, offset: int, scale: FloatArray) -> PartialMinutes:
    """Return what is still to happen `offset` milliseconds into the minute."""
    line = _line(paths, offset)
    price = np.rint(line * scale) / scale
    first = np.where(paths.first_at > offset, paths.first, price)
    second = np.where(paths.second_at > offset, paths.second, price)
    volume, turnover = _traded(paths, offset, line)
    knots = (price, paths.close, first, second)
    return _part(price, knots, paths.volume - volume, paths.turnover - turnover)


def knots(paths: MinutePaths, open_time: IntArray) -> tuple[IntArray, FloatArray]:
    """Return the knots (times, prices) of one symbol's minutes, each shaped (4 * minutes,).

    A close and the next open share their instant; where they differ the line jumps.
    """
    first, second = open_time + paths.first_at, open_time + paths.second_at
    times = np.stack([open_time, first, second, open_time + MINUTE_MS], axis=1)
    prices = np.stack([paths.open, paths.first, paths.second, paths.close], axis=1)
    return times.reshape(-1).astype(np.int64), prices.reshape(-1)


def steps(start: int, opened: float, trades: Trades) -> tuple[IntArray, FloatArray]:
    """Return the knots (times, prices) of a line that stands still from one trade to the next."""
    times = np.append(start, np.repeat(trades.time, 2))
    prices = np.append(np.repeat(np.append(opened, trades.price[:-1]), 2), trades.price[-1:])
    return times, prices if len(trades.time) else prices[:1]


def clip_line(
    times: IntArray, prices: FloatArray, start: int, end: int, ends: tuple[float, float]
) -> tuple[IntArray, FloatArray]:
    """Cut a polyline to [start, end], whose ends have the prices `ends`; drop repeated knots."""
    inside = (times > start) & (times < end)
    line_times = np.concatenate([[start], times[inside], [end]]).astype(np.int64)
    line_prices = np.concatenate([[ends[0]], prices[inside], [ends[1]]])
    repeated = np.zeros(line_times.size, dtype=bool)
    repeated[1:] = (np.diff(line_times) == 0) & (np.diff(line_prices) == 0)
    return line_times[~repeated], line_prices[~repeated]


def _part(
    price: FloatArray, knots: Sequence[FloatArray], volume: FloatArray, turnover: FloatArray
) -> PartialMinutes:
    high, low = reduce(np.maximum, knots), reduce(np.minimum, knots)
    return PartialMinutes(price, high, low, volume, turnover)


def _line(paths: MinutePaths, offset: int) -> FloatArray:
    before_first = offset < paths.first_at
    before_second = offset < paths.second_at
    left_at = np.where(before_first, 0, np.where(before_second, paths.first_at, paths.second_at))
    right_at = np.where(
        before_first, paths.first_at, np.where(before_second, paths.second_at, MINUTE_MS)
    )
    left = np.where(before_first, paths.open, np.where(before_second, paths.first, paths.second))
    right = np.where(before_first, paths.first, np.where(before_second, paths.second, paths.close))
    line: FloatArray = left + (right - left) * ((offset - left_at) / (right_at - left_at))
    return line


def _traded(paths: MinutePaths, offset: int, line: FloatArray) -> tuple[FloatArray, FloatArray]:
    early = paths.volume * paths.early_share
    late = paths.volume - early
    rate = late / (MINUTE_MS - paths.first_at)
    before_first = np.minimum(offset, paths.first_at) / paths.first_at * early
    middle = rate * (np.clip(offset, paths.first_at, paths.second_at) - paths.first_at)
    last = rate * (np.maximum(offset, paths.second_at) - paths.second_at)
    at_first = np.where(offset < paths.first_at, line, paths.first)
    at_second = np.where(offset < paths.second_at, line, paths.second)
    integral = 0.5 * (
        before_first * (paths.open + at_first)
        + middle * (paths.first + at_second)
        + last * (paths.second + line)
    )
    return before_first + middle + last, integral * paths.turnover_factor
