"""What rules remember symbol by symbol, and the few symbols they work on at a time."""

import numpy as np
import pytest
from support.random_candles import random_candles

from pumpwatch.domain.detection import chunks
from pumpwatch.domain.detection.base import Carry
from pumpwatch.domain.detection.chunks import Chunk, blank

FIELDS = ("count", "close", "mean", "variance", "extra")


def carry(*numbers, extra=2):
    """Return a memory in which field f of symbol n is 10 n + f."""
    row = np.array(numbers, dtype=float)
    return Carry(
        np.array(numbers, dtype=np.int64) * 10, row * 10 + 1, row * 10 + 2, row * 10 + 3,
        (row * 10)[:, None] + 4 + np.arange(extra),
    )  # fmt: skip


def same(one, other):
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name), name)
    return True


def test_nothing_is_remembered_of_symbols_that_were_not_seen():
    none = Carry.none(3, 2)
    assert (none.count.tolist(), none.count.dtype) == ([0, 0, 0], np.int64)
    for values, shape in ((none.close, (3,)), (none.mean, (3,)), (none.extra, (3, 2))):
        assert values.shape == shape
        assert np.isnan(values).all()
    assert np.isnan(none.variance).all()
    assert Carry.none(2).extra.shape == (2, 0)
    none.close[0] = none.mean[1] = 5.0
    assert np.isnan([none.mean[0], none.variance[0], none.close[1], none.variance[1]]).all()


def test_symbols_are_chosen_joined_and_replaced_whole():
    assert same(carry(1, 2, 3).select([2, 0]), carry(3, 1))
    assert same(carry(1, 2, 3).select(np.array([False, True, True])), carry(2, 3))
    assert same(carry(1, 2).joined(carry(3)), carry(1, 2, 3))
    changed = carry(1, 2, 3)
    changed.put(np.array([2, 0]), carry(7, 8))
    assert same(changed, carry(8, 2, 7))


def test_a_copy_shares_nothing_with_its_original():
    original = carry(1, 2)
    copy = original.copy()
    assert same(original, copy)
    for name in FIELDS:
        assert not np.shares_memory(getattr(original, name), getattr(copy, name)), name


def test_blank_results_say_nothing():
    found = blank(random_candles(1, 2, 3))
    assert (found.alarm.shape, found.alarm.dtype, found.alarm.any()) == ((2, 3), np.bool_, False)
    assert np.isnan(found.strength).all()
    assert np.isnan(found.jump).all()
    assert not np.shares_memory(found.strength, found.jump)
    assert (found.scored, found.traded) == (None, None)


def parts(monkeypatch, candles, size, start=None, names=("close", "high")):
    monkeypatch.setattr(chunks, "CHUNK", size)
    return list(chunks.chunks(candles, start, names))


@pytest.mark.parametrize(("size", "rows"), [(1, 1), (19, 1), (20, 2), (29, 2), (1000, 5)])
def test_as_many_symbols_are_taken_as_fit(monkeypatch, size, rows):
    candles = random_candles(2, 5, 10)
    found = parts(monkeypatch, candles, size, carry(1, 2, 3, 4, 5))
    begins = list(range(0, 5, rows))
    assert [one.rows for one in found] == [slice(at, min(at + rows, 5)) for at in begins]
    for one in found:
        np.testing.assert_array_equal(one.columns[0], candles.close[one.rows])
        np.testing.assert_array_equal(one.columns[1], candles.high[one.rows])
        assert same(one.start, carry(1, 2, 3, 4, 5).select(one.rows))
        assert (one.known, set(one.counts.tolist())) == (None, {10})


def test_known_candles_are_moved_together_and_padded_with_ones(monkeypatch):
    candles = random_candles(3, 2, 4)
    for name in ("open", "high", "low", "close", "volume", "turnover"):
        getattr(candles, name)[0, [0, 2]] = np.nan
    (one,) = parts(monkeypatch, candles, 1000)
    close = candles.close
    assert one.columns[0].tolist() == [[close[0, 1], close[0, 3], 1, 1], close[1].tolist()]
    assert one.counts.tolist() == [2, 4]
    assert one.known.tolist() == [[False, True, False, True], [True] * 4]
    assert one.start.count.tolist() == [0, 0]
    found = blank(candles)
    results = np.arange(8.0).reshape(2, 4)
    one.write(found, 1, np.ones((2, 4), dtype=bool), results, results + 10)
    assert found.alarm.tolist() == [[False, False, False, True], [False, True, True, True]]
    np.testing.assert_array_equal(found.strength, [[np.nan, 0, np.nan, 1], [4, 5, 6, 7]])
    np.testing.assert_array_equal(found.jump, [[np.nan, 10, np.nan, 11], [14, 15, 16, 17]])


def test_a_market_without_candles_gives_no_chunks(monkeypatch):
    assert parts(monkeypatch, random_candles(3, 2, 0), 1000) == []
    assert parts(monkeypatch, random_candles(3, 0, 4), 1000) == []


def test_alarms_need_their_minimum_of_candles_remembered_ones_included():
    start = carry(0, 1)  # Nothing, and ten candles.
    one = Chunk(slice(0, 2), (), start, np.array([3, 3]), None)
    found = blank(random_candles(1, 2, 3))
    one.write(found, 11, np.ones((2, 3), dtype=bool), np.zeros((2, 3)), np.ones((2, 3)))
    assert found.alarm.tolist() == [[False] * 3, [False, True, True]]
    assert found.strength.tolist() == np.zeros((2, 3)).tolist()
    assert found.jump.tolist() == np.ones((2, 3)).tolist()


def test_the_last_and_the_recent_values_are_those_of_known_candles():
    values = np.arange(1.0, 13.0).reshape(3, 4)
    one = Chunk(slice(0, 3), (), carry(1, 2, 3), np.array([0, 2, 4]), None)
    assert one.last(values, np.array([7.0, 8.0, 9.0])).tolist() == [7, 6, 12]
    nan = np.nan
    np.testing.assert_array_equal(one.recent(values, 3), [[nan] * 3, [nan, 5, 6], [10, 11, 12]])
    np.testing.assert_array_equal(
        one.recent(values, 9), [[nan] * 4, [nan, nan, 5, 6], [9, 10, 11, 12]]
    )
