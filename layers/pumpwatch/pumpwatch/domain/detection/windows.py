"""Sums, maxima and exponentially weighted means over trailing windows, along the last axis.

All of them only add numbers that are not negative, so nothing cancels: the relative error stays
near the machine's precision in long series and after huge values.
"""

from __future__ import annotations

import math

import numpy as np

from pumpwatch.domain.market.candles import FloatArray, IntArray

MAX_EXPONENT = 50.0
"""Weights within a block stay below e^50, far from overflow."""
MAX_BLOCK = 4096

CANCELLED = 1e-6
"""Share of the squared mean below which a variance is computed value by value."""


def leaky_sum(inputs: FloatArray, keep: float, initial: FloatArray) -> FloatArray:
    """Return y with y_t = keep * y_{t-1} + inputs_t, shaped (rows, candles).

    `initial` is y before the first column, shaped (rows,); `keep` lies in (0, 1). Within a block
    the recursion is a cumulative sum of inputs_t / keep^t, scaled back by keep^t.
    """
    total = np.empty_like(inputs)
    block = int(min(MAX_BLOCK, max(1.0, MAX_EXPONENT / -math.log(keep))))
    powers = keep ** np.arange(1, block + 1)
    inverse = 1.0 / powers
    carried = initial
    for begin in range(0, inputs.shape[1], block):
        part = total[:, begin : begin + block]
        length = part.shape[1]
        np.multiply(inputs[:, begin : begin + length], inverse[:length], out=part)
        part[:, 0] += carried
        np.cumsum(part, axis=1, out=part)
        part *= powers[:length]
        carried = part[:, -1]
    return total


def trailing_sum(values: FloatArray, window: int) -> FloatArray:
    """Return the sum of the last `window` values up to each one, or of those there are.

    A window is put together from windows of 1, 2, 4, 8, ... values.
    """
    total: FloatArray | None = None
    doubled, length, covered = values, 1, 0
    while True:
        if window & length:
            total = doubled.copy() if total is None else _added(total, doubled, covered)
            covered += length
        if 2 * length > window:
            break
        doubled = _added(doubled.copy(), doubled, length)
        length *= 2
    return total if total is not None else np.zeros_like(values)


def _added(total: FloatArray, older: FloatArray, distance: int) -> FloatArray:
    if distance < total.shape[1]:
        total[:, distance:] += older[:, : total.shape[1] - distance]
    return total


def trailing_max(values: FloatArray, window: int) -> FloatArray:
    """Return the highest of the last `window` values up to each one, or of those there are.

    Cut into blocks of `window`, each window is the end of one block and the beginning of the next
    (van Herk 1992), so two running maxima are enough.
    """
    rows, count = values.shape
    if window >= count:
        return np.maximum.accumulate(values, axis=1)
    blocks = -(-count // window)
    padded = np.zeros((rows, blocks * window))
    padded[:, :count] = values
    cut = padded.reshape(rows, blocks, window)
    ends = np.maximum.accumulate(cut[:, :, ::-1], axis=2)[:, :, ::-1].reshape(rows, -1)
    result = np.maximum.accumulate(cut, axis=2).reshape(rows, -1)[:, :count]
    later = result[:, window:]
    np.maximum(later, ends[:, 1 : count - window + 1], out=later)
    return result


def previous(values: FloatArray, first: FloatArray | float) -> FloatArray:
    """Return the values one column later; `first` fills the first column."""
    moved = np.empty_like(values)
    moved[:, 0] = first
    moved[:, 1:] = values[:, :-1]
    return moved


def window_lengths(count: int, window: int) -> IntArray:
    """Return how many values the window up to each of `count` columns holds, shaped (count,)."""
    lengths: IntArray = np.minimum(np.arange(1, count + 1, dtype=np.int64), window)
    return lengths


def trailing_spread(values: FloatArray, window: int) -> FloatArray:
    """Return the population standard deviation of the last `window` values up to each one.

    Fewer at the start: of those there are. Where mean square and squared mean are so close that
    their difference would lose digits, the window is gone through value by value.
    """
    lengths = window_lengths(values.shape[1], window)
    mean = trailing_sum(values, window)
    mean /= lengths
    variance = trailing_sum(values * values, window)
    variance /= lengths
    mean *= mean
    variance -= mean
    mean *= CANCELLED
    unsure = np.nonzero(variance < mean)
    variance[unsure] = _variance_of(values, window, unsure)
    return np.sqrt(variance, out=variance)


def _variance_of(values: FloatArray, window: int, places: tuple[IntArray, ...]) -> FloatArray:
    rows, columns = places
    inside = columns[:, None] - np.arange(window)
    chosen = values[rows[:, None], np.maximum(inside, 0)]
    lengths = np.minimum(columns + 1, window)
    distance = chosen - (np.where(inside >= 0, chosen, 0.0).sum(axis=1) / lengths)[:, None]
    squares: FloatArray = np.where(inside >= 0, distance * distance, 0.0).sum(axis=1)
    return squares / lengths
