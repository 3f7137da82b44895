"""The traits of a candle equal those of the slow reference, one by one and under their names."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_candles import random_candles

from benchmarks.reference import rules as reference
from benchmarks.reference.rule_boosted import traits_of
from pumpwatch.domain.detection.traits import CANDLE_TRAITS, DAY_OF_MINUTES, candle_traits

LENGTH = DAY_OF_MINUTES + 12


def fast(candles, rows, places):
    columns = (candles.high, candles.close, candles.volume, candles.turnover)
    return candle_traits(columns, np.array(rows), np.array(places))


def slow(candles, row, place):
    rows = reference.rows_of(candles, row)
    return traits_of(rows[place - DAY_OF_MINUTES : place], rows[place])


@settings(max_examples=12, deadline=None)
@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.4, 0.97]),
    st.integers(DAY_OF_MINUTES, LENGTH - 1),
    st.integers(0, 40),
)
def test_traits_equal_the_slow_ones_wherever_the_bursts_lie(seed, zeros, place, back):
    candles = random_candles(seed, 2, LENGTH, zeros=zeros)
    candles.turnover[:, place - back] *= 500
    found = fast(candles, [1, 0], [place, place])
    for got, row in zip(found, (1, 0), strict=True):
        np.testing.assert_allclose(got, slow(candles, row, place), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("back", [*range(1, 13), *range(57, 68)])
def test_each_window_begins_and_ends_where_the_reference_says(back):
    """A burst and a jump that wander back through the hour move the traits of both alike."""
    candles = random_candles(back, 1, DAY_OF_MINUTES + 1)
    for name in ("open", "high", "low", "close"):
        getattr(candles, name)[:] = 10.0 + 0.01 * np.arange(DAY_OF_MINUTES + 1) % 0.07
    candles.turnover[0, -1 - back] *= 1e4
    candles.high[0, -1 - back] *= 1.5
    candles.close[0, -1 - back] *= 0.9
    candles.high[0, -1] *= 1.2
    found = fast(candles, [0], [DAY_OF_MINUTES])[0]
    np.testing.assert_allclose(found, slow(candles, 0, DAY_OF_MINUTES), rtol=1e-9, atol=1e-9)


def calm():
    """Return a day at 10 USDT and 100 USDT a minute, then a minute of 6,000 that rises to 12."""
    candles = random_candles(1, 1, DAY_OF_MINUTES + 1)
    for name in ("open", "high", "low", "close"):
        getattr(candles, name)[:] = 10.0
    candles.volume[:], candles.turnover[:] = 10.0, 100.0
    candles.high[0, -1], candles.close[0, -1] = 12.0, 11.5
    candles.volume[0, -1], candles.turnover[0, -1] = 600.0, 6_600.0
    return candles


def named(candles):
    found = fast(candles, [0], [DAY_OF_MINUTES])[0]
    np.testing.assert_allclose(found, slow(candles, 0, DAY_OF_MINUTES), rtol=1e-9, atol=1e-9)
    return dict(zip(CANDLE_TRAITS, found.tolist(), strict=True))


def test_each_trait_of_a_candle_is_what_its_name_says():
    even = math.log(1.0)
    assert named(calm()) == pytest.approx(
        {
            "turnover over the day's mean": math.log(66),
            "jump over the last close": 0.2,
            "turnover in standard deviations": math.log(6_500 / 0.1),
            "rise over the lowest close of 5 minutes": 0.2,
            "rise over the median close of an hour": 0.2,
            "largest jump of 5 minutes": 0.2,
            "turnover of 3 minutes over the day's mean": math.log(68),
            "turnover over the hour before": math.log(66),
            "turnover over the day's largest": math.log(66),
            "turnover 1 minute before": even,
            "turnover 2 minutes before": even,
            "turnover 3 minutes before": even,
            "turnover 4 minutes before": even,
            "share of minutes with a trade": 1.0,
            "bursts in the day before": 0.0,
            "largest jump of the day before": 0.0,
            "volatility of the day before": 0.0,
            "jump in standard deviations": math.log(1.2) / 1e-5,
            "turnover of the hour before, onset left out": even,
            "share of the jump held at the close": 0.75,
            "share of the jump at the mean price": 0.5,
            "turnover of the hour before": even,
        }
    )


def test_a_candle_without_a_jump_holds_no_share_of_it():
    flat = calm()
    flat.high[0, -1] = flat.close[0, -1] = 10.0
    assert named(flat)["share of the jump held at the close"] == 0
    assert named(flat)["share of the jump at the mean price"] == 0
    silent = replace(flat)
    silent.volume[0, -1], silent.high[0, -1] = 0.0, 12.0
    assert named(silent)["share of the jump at the mean price"] == 0


def test_bursts_are_counted_in_the_day_before_the_last_ten_minutes():
    busy = calm()
    busy.turnover[0, [5, 700, -13, -12, -11, -2]] = 1e4
    assert named(busy)["bursts in the day before"] == 4
