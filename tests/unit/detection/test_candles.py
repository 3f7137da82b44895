"""Candles on their grid: what is laid where, what stays unknown, and what cannot be true."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.random_candles import random_candles
from support.records import on_grid

from pumpwatch.domain.market.candles import Candles, CandleSeries, possible_candles
from pumpwatch.domain.moments import HOUR, MINUTE

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
    grid = on_grid([series("A", 0, 2), series("B", 1, value=100.0)], first=FIRST, count=3)
    assert grid.symbols == ("A", "B")
    np.testing.assert_array_equal(grid.open, [[1, np.nan, 11], [np.nan, 100, np.nan]])
    np.testing.assert_array_equal(grid.turnover, [[6, np.nan, 16], [np.nan, 105, np.nan]])


def test_rows_before_after_and_between_the_grid_are_left_out():
    one = series("A", -1, 0, 2, 3)
    late = CandleSeries("B", MINUTE, one.open_time + 1, one.values, forming=False)
    grid = on_grid([one, late], first=FIRST, count=3)
    np.testing.assert_array_equal(grid.close, [[14, np.nan, 24], [np.nan] * 3])


def test_merging_overwrites_what_was_known_in_a_copy():
    before = on_grid([series("A", 0, 1), series("B", 0, 1)], first=FIRST, count=3)
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


def judged(row, time=MINUTE):
    """Return which of `GOOD`, a row and `FLAT` can be true."""
    times = np.array([0, time, 2 * MINUTE], dtype=np.float64)
    return possible_candles(times, np.array([GOOD, row, FLAT]), interval=MINUTE).tolist()


@pytest.mark.parametrize("row", [GOOD, FLAT, [1e-12, 1e-12, 1e-12, 1e-12, 0.0, 0.0]])
def test_candles_that_can_be_true_are_not_refused(row):
    assert judged(row) == [True] * 3
    assert possible_candles(np.empty(0), np.empty((0, 6)), interval=MINUTE).tolist() == []


IMPOSSIBLE = [
    *((column, value) for column in range(6) for value in (np.nan, np.inf, 1e18, -0.1)),
    *((column, 0.0) for column in range(4)),
    *((0, 12.1), (1, 10.9), (3, 12.1)),  # above the high
    *((0, 8.9), (2, 10.1), (3, 8.9)),  # below the low
]


@pytest.mark.parametrize(("column", "value"), IMPOSSIBLE)
def test_a_candle_that_cannot_be_true_is_told_from_its_neighbours(column, value):
    row = [*GOOD]
    row[column] = value
    assert judged(row) == [True, False, True]


def test_a_high_below_the_low_and_a_time_off_the_grid_cannot_be_true():
    assert judged([10.0, 10.0, 10.5, 10.0, 5.0, 50.0]) == [True, False, True]
    assert judged(GOOD, time=MINUTE + 1) == [True, False, True]
