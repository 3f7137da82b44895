"""How single fields and candles are read from the exchange's JSON; whole answers are fuzzed."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpwatch.adapters.bybit.candles import pages
from pumpwatch.adapters.bybit.fields import choice, integer, number, optional_number, text
from pumpwatch.adapters.bybit.orders import (
    SIDES,
)
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import ExchangeUnavailable

ODD = ["", "0", "-1", "NaN", "inf", "1e400", "1e-400", "1_0", " 1 ", "\u0661", "0x1", "9" * 60, "-"]


@given(
    start=st.integers(0, 10**7),
    span=st.integers(-10, 4 * 10**8),
    interval=st.sampled_from([MINUTE, 60 * MINUTE]),
)
def test_pages_cover_a_range_once_and_in_order(start, span, interval):
    request = CandleRequest("AUSDT", interval, start, start + span)
    opened = []
    for page in pages(request):
        times = list(range(page.start, page.end + 1, interval))
        assert 1 <= len(times) <= 1000
        opened += times
    assert opened == [t for t in range(0, start + span + 1, interval) if t >= start]


@pytest.mark.parametrize("value", [*ODD[3:], None, True, [], {}, math.nan, math.inf])
def test_what_is_no_number_is_named(value):
    with pytest.raises(ExchangeUnavailable, match=r"here: qty"):
        number({"qty": value}, "qty", "here")


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1.50", "1.5"), ("-2", "-2"), ("1e-05", "0.00001"), (7, "7"), (0.1, "0.1"), ("0.", "0")],
)
def test_numbers_are_read_exactly(value, expected):
    assert number({"qty": value}, "qty", "here") == Decimal(expected)


def test_absent_empty_and_zero_are_all_not_set():
    for row in ({}, {"a": ""}, {"a": None}, {"a": "0"}, {"a": "0.00"}, {"a": 0}):
        assert optional_number(row, "a", "here") is None
    assert optional_number({"a": "0.5"}, "a", "here") == Decimal("0.5")


def test_texts_whole_numbers_and_sides_are_checked():
    assert text({"id": 146940}, "id", "here") == "146940"
    for reader in (lambda r: text(r, "id", "here"), lambda r: integer(r, "id", "here")):
        for value in ("", None, True, "1.5" if reader({"id": "1"}) == 1 else ""):
            with pytest.raises(ExchangeUnavailable, match="id"):
                reader({"id": value})
    with pytest.raises(ExchangeUnavailable, match="side"):
        choice({"side": "Hold"}, "side", "here", SIDES)
