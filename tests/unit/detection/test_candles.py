"""Candles on their grid: what is laid where, what stays unknown, and what cannot be true."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_candles import random_candles

from pumpwatch.domain.market.candles import HOUR, MINUTE, Candles, CandleSeries, first_bad_candle

COLUMNS = ("open", "high", "low", "close", "volume", "turnover")
FIRST = 1_000 * MINUTE


def series(symbol, *minutes, forming=False, value=1.0):
    """Return candles that open so many minutes after `FIRST`; column c of row r is value+10r+c."""
    rows = value + 10.0 * np.arange(len(minutes))[:, None] + np.arange(6)
    times = np.array([FIRST + minute * MINUTE for minute in minutes], dtype=np.int64)
    return CandleSeries(symbol, MINUTE, times, rows, forming)


def test_a_grid_of_unknown_candles_has_a_regular_time_and_columns_of_its_own():
    grid = Candles.empty(["A", "B"], interval=HOUR, first=FIRST, count=3)
    assert (grid.symbols, grid.interval, grid.shape) == (("A", "B"), HOUR, (2, 3))
    assert grid.open_time.tolist() == [FIRST, FIRST + HOUR, FIRST + 2 * HOUR]
    assert grid.open_time.dtype == np.int64
    columns = [getattr(grid, name) for name in COLUMNS]
    assert all(column.shape == (2, 3) and np.isnan(column).all() for column in columns)
    assert not any(np.shares_memory(one, other) for one, other in pairwise(columns))


def test_the_forming_candle_is_left_out_of_the_closed_ones():
    closed = series("A", 0, 1, 2, forming=True).closed
    assert (closed.symbol, closed.interval, closed.forming) == ("A", MINUTE, False)
    assert closed.open_time.tolist() == [FIRST, FIRST + MINUTE]
    assert closed.values.shape == (2, 6)
    ended = series("A", 0, 1)
    assert ended.closed is ended


def test_series_are_laid_on_the_grid_by_their_time():
    grid = Candles.from_series(
        [series("A", 0, 2), series("B", 1, value=100.0)], interval=MINUTE, first=FIRST, count=3
    )
    assert grid.symbols == ("A", "B")
    np.testing.assert_array_equal(grid.open, [[1, np.nan, 11], [np.nan, 100, np.nan]])
    np.testing.assert_array_equal(grid.turnover, [[6, np.nan, 16], [np.nan, 105, np.nan]])


def test_rows_before_after_and_between_the_grid_are_left_out():
    one = series("A", -1, 0, 2, 3)
    late = CandleSeries("B", MINUTE, one.open_time + 1, one.values, forming=False)
    grid = Candles.from_series([one, late], interval=MINUTE, first=FIRST, count=3)
    np.testing.assert_array_equal(grid.close, [[14, np.nan, 24], [np.nan] * 3])


def test_merging_overwrites_what_was_known_in_a_copy():
    before = Candles.from_series(
        [series("A", 0, 1), series("B", 0, 1)], interval=MINUTE, first=FIRST, count=3
    )
    after = before.merged({"B": series("B", 1, 2, value=50.0), "C": series("C", 0)})
    np.testing.assert_array_equal(after.high[0], before.high[0])
    np.testing.assert_array_equal(after.high[1], [2, 51, 61])
    np.testing.assert_array_equal(before.high[1], [2, 12, np.nan])
    assert (after.symbols, after.interval) == (before.symbols, MINUTE)
    np.testing.assert_array_equal(after.open_time, before.open_time)


@given(st.integers(-8, 8), st.integers(0, 8), st.integers(0, 6))
def test_a_moved_grid_has_the_same_candles_at_the_same_times(offset, count, known):
    before = random_candles(1, 2, known)
    first = 100 * MINUTE if known == 0 else int(before.open_time[0]) + offset * MINUTE
    moved = before.regrid(first=first, count=count)
    assert moved.symbols == before.symbols
    assert moved.open_time.tolist() == [first + step * MINUTE for step in range(count)]
    places = {int(time): column for column, time in enumerate(before.open_time)}
    for column, time in enumerate(moved.open_time):
        for name in COLUMNS:
            got = getattr(moved, name)[:, column]
            place = places.get(int(time))
            expected = [np.nan] * 2 if place is None else getattr(before, name)[:, place]
            np.testing.assert_array_equal(got, expected)


def test_symbols_and_stretches_of_time_are_cut_out_whole():
    candles = random_candles(2, 3, 5)
    chosen = candles.select([2, 0])
    assert chosen.symbols == (candles.symbols[2], candles.symbols[0])
    part = candles.between(1, 3)
    assert part.symbols == candles.symbols
    np.testing.assert_array_equal(part.open_time, candles.open_time[1:3])
    np.testing.assert_array_equal(chosen.open_time, candles.open_time)
    assert (chosen.interval, part.interval) == (candles.interval, candles.interval)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(chosen, name), getattr(candles, name)[[2, 0]])
        np.testing.assert_array_equal(getattr(part, name), getattr(candles, name)[:, 1:3])


GOOD = [10.0, 12.0, 9.0, 11.0, 5.0, 50.0]
FLAT = [10.0, 10.0, 10.0, 10.0, 0.0, 0.0]


def judged(*rows, times=None):
    """Return the first bad candle of `GOOD`, the rows, then `FLAT`."""
    values = np.array([GOOD, *rows, FLAT])
    opened = np.arange(len(values)) * MINUTE if times is None else np.array(times)
    return first_bad_candle(opened, values, interval=MINUTE)


def test_candles_that_can_be_true_are_not_refused():
    assert judged() is None
    assert judged([1e-12, 1e-12, 1e-12, 1e-12, 0.0, 0.0]) is None
    assert first_bad_candle(np.empty(0, np.int64), np.empty((0, 6)), interval=MINUTE) is None


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        *((column, np.nan, "a value is not a finite number below 1e18") for column in range(6)),
        (5, np.inf, "a value is not a finite number below 1e18"),
        *((column, 0.0, "a price is zero or negative") for column in range(4)),
        (2, -1.0, "a price is zero or negative"),
        (1, 1e18, "a value is not a finite number below 1e18"),
        (5, 1e300, "a value is not a finite number below 1e18"),
        (4, -0.1, "volume or turnover is negative"),
        (5, -0.1, "volume or turnover is negative"),
        (0, 12.1, "the high is below another price of the candle"),
        (1, 10.9, "the high is below another price of the candle"),
        (3, 12.1, "the high is below another price of the candle"),
        (2, 12.5, "the high is below another price of the candle"),
        (0, 8.9, "the low is above another price of the candle"),
        (2, 10.1, "the low is above another price of the candle"),
        (3, 8.9, "the low is above another price of the candle"),
    ],
)
def test_a_candle_that_cannot_be_true_is_named_with_the_reason(column, value, reason):
    bad = [*GOOD]
    bad[column] = value
    found = judged(bad)
    assert found is not None
    # A price of zero is below the low as well: the reasons are alternatives of the same row.
    assert found[0] == 1
    assert found[1] == reason


@pytest.mark.parametrize(
    ("times", "found"),
    [
        ([0, MINUTE, 2 * MINUTE], None),
        ([0, MINUTE, 5 * MINUTE], None),
        ([0, MINUTE + 1, 2 * MINUTE], (1, "the open time is off the interval's grid")),
        ([0, MINUTE, MINUTE], (2, "the open time repeats or goes back")),
        ([2 * MINUTE, MINUTE, 3 * MINUTE], (1, "the open time repeats or goes back")),
    ],
)
def test_open_times_lie_on_the_grid_and_grow(times, found):
    assert judged(GOOD, times=times) == found


def test_of_several_bad_candles_the_first_is_named():
    negative, unordered = [*GOOD], [*GOOD]
    negative[4], unordered[1] = -1.0, 1.0
    assert judged(GOOD, unordered, negative)[0] == 2
    assert judged(GOOD, negative, unordered)[0] == 2
