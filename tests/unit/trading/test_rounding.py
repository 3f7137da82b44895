"""Rounding never moves a stop away, a target nearer than asked, or a quantity up."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import Quote
from pumpwatch.domain.trading.rounding import (
    ceil_to,
    decimal_from,
    floor_to,
    stop_to_tick,
    target_to_tick,
)

D = Decimal
values = st.integers(-(10**9), 10**9).map(lambda units: D(units) / 1000)
steps = st.sampled_from(["0.001", "0.25", "0.5", "3", "10"]).map(Decimal)


@given(values, steps)
def test_floor_and_ceiling_are_the_nearest_multiples_on_either_side(value, step):
    low, high = floor_to(value, step), ceil_to(value, step)
    assert low % step == high % step == 0
    assert value - step < low <= value <= high < value + step


@pytest.mark.parametrize(
    ("side", "stop", "target"), [(Side.BUY, "1.5", "1"), (Side.SELL, "1", "1.5")]
)
def test_stop_and_target_are_moved_toward_the_entry(side, stop, target):
    assert stop_to_tick(D("1.2"), D("0.5"), side) == D(stop)
    assert target_to_tick(D("1.2"), D("0.5"), side) == D(target)


@given(st.floats(1e-9, 1e9))
def test_a_float_becomes_the_shortest_decimal_that_stands_for_it(value):
    assert float(decimal_from(value)) == value
    assert decimal_from(0.1) == D("0.1")
    assert decimal_from(3) == D("3.0")


def test_a_quote_knows_its_best_its_highest_and_its_lowest_price():
    quote = Quote(bid=D(99), ask=D(101), last=D(95), mark=D(104))
    assert (quote.best(Side.BUY), quote.best(Side.SELL)) == (101, 99)
    assert (quote.highest, quote.lowest, quote.spread) == (101, 95, D("0.02"))
    assert replace(quote, watches_mark=True).highest == 104
