"""Sums, maxima and spreads over trailing windows equal what a loop over each window gives."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch.domain.detection import windows

EXAMPLES = settings(max_examples=40, deadline=None)
widths = st.integers(1, 40)


@st.composite
def tables(draw, *, most=60):
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    shape = draw(st.integers(1, 3)), draw(st.integers(1, most))
    return random.lognormal(0, 2, shape) * (random.random(shape) < 0.8)


def looped(values, window, function):
    """Return `function` of each trailing window, one window at a time."""
    found = np.empty_like(values)
    for row, column in np.ndindex(values.shape):
        found[row, column] = function(values[row, max(0, column - window + 1) : column + 1])
    return found


@EXAMPLES
@given(tables(), widths)
def test_trailing_sum_is_the_sum_of_each_window(values, window):
    before = values.copy()
    np.testing.assert_allclose(
        windows.trailing_sum(values, window), looped(values, window, np.sum), rtol=1e-12, atol=0
    )
    np.testing.assert_array_equal(values, before)


@EXAMPLES
@given(tables(), widths)
def test_trailing_max_is_the_highest_of_each_window(values, window):
    np.testing.assert_array_equal(
        windows.trailing_max(values, window), looped(values, window, np.max)
    )


@EXAMPLES
@given(tables(), widths, st.booleans())
def test_trailing_spread_is_the_population_deviation_of_each_window(values, window, constant):
    if constant:
        values = np.full_like(values, 1e8 + values[0, 0])
    np.testing.assert_allclose(
        windows.trailing_spread(values, window),
        looped(values, window, np.std),
        rtol=1e-9,
        atol=1e-6 if constant else 1e-12,
    )


def test_a_spread_that_is_small_beside_its_mean_keeps_its_digits():
    values = 1e8 + np.arange(30.0)[None, :] % 3
    found = windows.trailing_spread(values, 9)
    np.testing.assert_allclose(found, looped(values, 9, np.std), rtol=1e-9)
    assert found[0, 0] == 0


@EXAMPLES
@given(tables(most=300), st.floats(0.05, 0.999), st.floats(0, 100))
def test_leaky_sum_is_the_recursion_step_by_step(values, keep, before):
    total = np.full(len(values), before)
    found = windows.leaky_sum(values, keep, total)
    for column in range(values.shape[1]):
        total = keep * total + values[:, column]
        np.testing.assert_allclose(found[:, column], total, rtol=1e-9)


@pytest.mark.parametrize(("keep", "count"), [(0.9999, 9000), (0.5, 500), (1e-30, 5)])
def test_leaky_sum_goes_on_over_the_ends_of_its_blocks(keep, count):
    values = np.ones((2, count))
    found = windows.leaky_sum(values, keep, np.array([0.0, 7.0]))
    steps = np.arange(1, count + 1)
    rest = (1 - keep**steps) / (1 - keep)
    np.testing.assert_allclose(found, [rest, rest + 7 * keep**steps], rtol=1e-9)


def test_previous_moves_by_one_column_and_fills_the_first():
    values = np.arange(6.0).reshape(2, 3)
    assert windows.previous(values, np.array([8.0, 9.0])).tolist() == [[8, 0, 1], [9, 3, 4]]
    assert windows.previous(values, -1.0)[:, 0].tolist() == [-1, -1]


def test_window_lengths_grow_up_to_the_window():
    assert windows.window_lengths(5, 3).tolist() == [1, 2, 3, 3, 3]
    assert windows.window_lengths(2, 3).dtype == np.int64
