"""Candle history as arrays shaped (symbols, candles) on one regular time grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


LARGEST = 1e18
"""No market has such a price, volume or turnover."""

COLUMNS = ("open", "high", "low", "close", "volume", "turnover")


@dataclass(frozen=True, slots=True, eq=False)
class CandleSeries:
    """Candles of one symbol as the exchange gave them, oldest first.

    `open_time` is shaped (candles,) in milliseconds UTC; `values` is shaped (candles, 6): open,
    high, low, close in USDT, volume in the base coin, turnover in USDT. `forming` says that the
    last row is a candle that has not ended: its high, volume and turnover can still grow.
    `impossible` counts the candles that were left out because they cannot be true.
    """

    symbol: str
    interval: int
    open_time: IntArray
    values: FloatArray
    forming: bool
    impossible: int = 0

    @property
    def closed(self) -> CandleSeries:
        """Return the series without its forming candle."""
        if not self.forming:
            return self
        return replace(self, open_time=self.open_time[:-1], values=self.values[:-1], forming=False)


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles of several symbols on one regular grid.

    `open_time` is shaped (candles,), milliseconds UTC, in steps of `interval`; every other array is
    shaped (symbols, candles). NaN in all six columns marks a candle that is not known: before the
    symbol's launch, or a gap.
    """

    symbols: tuple[str, ...]
    interval: int
    open_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    turnover: FloatArray

    @property
    def shape(self) -> tuple[int, int]:
        """Return (symbols, candles)."""
        return len(self.symbols), len(self.open_time)

    @classmethod
    def empty(cls, symbols: Sequence[str], *, interval: int, first: int, count: int) -> Candles:
        """Return a grid of `count` unknown candles from `first` (milliseconds UTC) on."""
        shape = (len(symbols), count)
        columns = [np.full(shape, np.nan) for _ in COLUMNS]
        open_time = first + interval * np.arange(count, dtype=np.int64)
        return cls(tuple(symbols), interval, open_time, *columns)

    def _write(self, row: int, series: CandleSeries) -> None:
        position, remainder = np.divmod(series.open_time - self.open_time[0], self.interval)
        inside = (position >= 0) & (position < len(self.open_time)) & (remainder == 0)
        for index, name in enumerate(COLUMNS):
            getattr(self, name)[row, position[inside]] = series.values[inside, index]

    def merged(self, series: Mapping[str, CandleSeries]) -> Candles:
        """Return a copy in which the rows of `series` overwrite what was known."""
        copy = self._changed(np.copy)
        for row, symbol in enumerate(self.symbols):
            if symbol in series:
                copy._write(row, series[symbol])
        return copy

    def regrid(self, *, first: int, count: int) -> Candles:
        """Return the same candles on a grid that starts elsewhere (same interval)."""
        moved = Candles.empty(self.symbols, interval=self.interval, first=first, count=count)
        offset = (int(self.open_time[0]) - first) // self.interval if len(self.open_time) else 0
        begin, end = max(0, offset), min(count, offset + len(self.open_time))
        if begin < end:
            for name in COLUMNS:
                getattr(moved, name)[:, begin:end] = getattr(self, name)[
                    :, begin - offset : end - offset
                ]
        return moved

    def select(self, rows: Sequence[int]) -> Candles:
        """Return the candles of some symbols, given by row."""
        chosen = self._changed(lambda column: column[list(rows)])
        return replace(chosen, symbols=tuple(self.symbols[row] for row in rows))

    def between(self, begin: int, end: int) -> Candles:
        """Return the candles in columns [begin, end)."""
        part = self._changed(lambda column: column[:, begin:end])
        return replace(part, open_time=self.open_time[begin:end])

    def _changed(self, change: Callable[[FloatArray], FloatArray]) -> Candles:
        columns: dict[str, Any] = {name: change(getattr(self, name)) for name in COLUMNS}
        return replace(self, **columns)


def possible_candles(open_time: FloatArray, values: FloatArray, *, interval: int) -> BoolArray:
    """Return which candles can be true, each by itself and in any order, (candles,).

    `open_time` is shaped (candles,), `values` (candles, 6), as in `CandleSeries`.
    """
    opened, high, low, close = values[:, :4].T
    with np.errstate(invalid="ignore"):
        # A comparison with NaN is false, so what must hold is asked for.
        conditions = [
            (np.abs(values) < LARGEST).all(axis=1),
            (values[:, :4] > 0).all(axis=1),
            (values[:, 4:] >= 0).all(axis=1),
            (high >= opened) & (high >= low) & (high >= close),
            (low <= opened) & (low <= close),
            open_time % interval == 0,
        ]
    possible: BoolArray = np.logical_and.reduce(conditions)
    return possible


@dataclass(frozen=True, slots=True)
class CandleRequest:
    """Candles of one symbol from `start` to `end`, both open times, both included."""

    symbol: str
    interval: int
    start: int
    end: int
