"""Work on a few symbols at a time, on their known candles only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.market.candles import BoolArray, Candles, FloatArray, IntArray

from .base import Carry, Detections

CHUNK = 1 << 15
"""Candles worked on at a time: intermediate arrays of a chunk stay in the processor's cache."""


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """A few symbols. `columns` are shaped (symbols, candles): the known candles, then padding.

    Padding is ones, so that it gives harmless numbers; nothing of it is kept.
    """

    rows: slice
    columns: tuple[FloatArray, ...]
    start: Carry
    counts: IntArray
    """Known candles of each symbol, shaped (symbols,)."""
    known: BoolArray | None
    """Their places on the grid; None when every candle is known."""

    def write(
        self,
        results: Detections,
        minimum: int,
        alarm: BoolArray,
        strength: FloatArray,
        jump: FloatArray,
    ) -> None:
        """Put results back on the grid; no alarm before `minimum` earlier candles."""
        alarm &= self.start.count[:, None] + np.arange(alarm.shape[1]) >= minimum
        for target, result in (
            (results.alarm, alarm),
            (results.strength, strength),
            (results.jump, jump),
        ):
            if self.known is None:
                target[self.rows] = result
            else:
                filled = _filled(self.counts, result.shape[1])
                target[self.rows][self.known] = result[filled]

    def last(self, values: FloatArray, otherwise: FloatArray) -> FloatArray:
        """Return each symbol's value at its last known candle, shaped (symbols,)."""
        column = np.maximum(self.counts - 1, 0)
        chosen = values[np.arange(len(column)), column]
        return np.where(self.counts > 0, chosen, otherwise)

    def recent(self, values: FloatArray, number: int) -> FloatArray:
        """Return each symbol's last known values, at most `number`, oldest first, NaN for none."""
        number = min(number, values.shape[1])
        column = self.counts[:, None] - number + np.arange(number)
        chosen = np.take_along_axis(values, np.maximum(column, 0), axis=1)
        return np.where(column >= 0, chosen, np.nan)


def blank(candles: Candles) -> Detections:
    """Return results that say nothing yet."""
    shape = candles.shape
    return Detections(
        np.zeros(shape, dtype=np.bool_), np.full(shape, np.nan), np.full(shape, np.nan)
    )


def chunks(candles: Candles, start: Carry | None, columns: Sequence[str]) -> Iterator[Chunk]:
    """Yield the symbols a few at a time, with the named columns and their memory `start`."""
    symbols, count = candles.shape
    start = Carry.none(symbols) if start is None else start
    if count == 0:
        return
    step = max(1, CHUNK // count)
    for begin in range(0, symbols, step):
        rows = slice(begin, min(begin + step, symbols))
        values = tuple(getattr(candles, name)[rows] for name in columns)
        known = ~np.isnan(candles.close[rows])
        counts = known.sum(axis=1)
        if known.all():
            yield Chunk(rows, values, start.select(rows), counts, None)
            continue
        filled = _filled(counts, count)
        moved = tuple(_packed(column, known, filled) for column in values)
        yield Chunk(rows, moved, start.select(rows), counts, known)


def _filled(counts: IntArray, width: int) -> BoolArray:
    filled: BoolArray = np.arange(width) < counts[:, None]
    return filled


def _packed(values: FloatArray, known: BoolArray, filled: BoolArray) -> FloatArray:
    # Both masks are read row by row, so each known value lands in its own row, in order.
    moved = np.ones_like(values)
    moved[filled] = values[known]
    return moved
