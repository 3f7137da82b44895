import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pumpwatch_workbench.simulator.market.paths import (
    MinutePaths,
    after,
    clip_line,
    knots,
    price_at,
    until,
)
from pumpwatch_workbench.simulator.market.source import MINUTE_MS

SCALE = np.array([100.0])


@st.composite
def minutes(draw):
    ticks = draw(arrays.arrays(np.int64, 4, elements=st.integers(1, 100_000)))
    first_at = draw(st.integers(1, MINUTE_MS - 3))
    second_at = draw(st.integers(first_at + 1, MINUTE_MS - 1))
    prices = [np.array([tick / 100.0]) for tick in ticks.tolist()]
    return MinutePaths(
        *prices,
        first_at=np.array([first_at], dtype=np.int32),
        second_at=np.array([second_at], dtype=np.int32),
        early_share=np.array([draw(st.integers(0, 100)) / 100]),
        volume=np.array([draw(st.integers(0, 10**9)) / 1_000]),
        turnover_factor=np.array([draw(st.floats(0.5, 2.0))]),
    )


offsets = st.integers(0, MINUTE_MS - 1)


@settings(deadline=None, max_examples=100)
@given(minutes(), offsets)
def test_what_has_happened_and_what_is_to_come_make_the_whole_minute(path, offset):
    past, future = until(path, offset, SCALE), after(path, offset, SCALE)
    np.testing.assert_allclose(past.volume + future.volume, path.volume)
    np.testing.assert_allclose(past.turnover + future.turnover, path.turnover)
    assert np.maximum(past.high, future.high) == path.high
    assert np.minimum(past.low, future.low) == path.low
    assert past.price == future.price == price_at(path, offset, SCALE)


@settings(deadline=None, max_examples=100)
@given(minutes(), offsets)
def test_high_and_low_so_far_are_those_of_the_knots_passed(path, offset):
    part = until(path, offset, SCALE)
    times, prices = knots(path, np.array([0]))
    passed = [*prices[times <= offset].tolist(), part.price[0]]
    assert part.high == max(passed)
    assert part.low == min(passed)


@settings(deadline=None, max_examples=100)
@given(minutes(), offsets)
def test_volume_trades_evenly_on_both_sides_of_the_first_turning_point(path, offset):
    first_at, early = path.first_at[0], path.volume[0] * path.early_share[0]
    expected = np.interp(offset, [0, first_at, MINUTE_MS], [0, early, path.volume[0]])
    assert abs(until(path, offset, SCALE).volume[0] - expected) <= 1e-9 * path.volume[0]


@settings(deadline=None, max_examples=100)
@given(minutes(), offsets)
def test_turnover_is_volume_at_prices_that_were_traded(path, offset):
    part = until(path, offset, SCALE)
    tick = 1 / SCALE[0]
    lowest, highest = (part.low - tick) * part.volume, (part.high + tick) * part.volume
    turnover = part.turnover / path.turnover_factor
    assert lowest * (1 - 1e-9) <= turnover <= highest * (1 + 1e-9)


@settings(deadline=None, max_examples=100)
@given(minutes(), offsets)
def test_the_price_lies_on_the_line_through_the_knots(path, offset):
    times, prices = knots(path, np.array([0]))
    expected = np.interp(offset, times, prices)
    assert abs(price_at(path, offset, SCALE)[0] - expected) <= 0.5 / SCALE[0] + 1e-9


def test_clipping_a_line_keeps_its_ends_and_drops_repeated_knots():
    times = np.array([0, 10, 20, 20, 30, 30, 40])
    prices = np.array([1.0, 2.0, 3.0, 3.0, 4.0, 5.0, 6.0])
    cut_times, cut_prices = clip_line(times, prices, 5, 35, (1.5, 5.5))
    assert cut_times.tolist() == [5, 10, 20, 30, 30, 35]
    assert cut_prices.tolist() == [1.5, 2.0, 3.0, 4.0, 5.0, 5.5]
