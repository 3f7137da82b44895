"""How single fields and candles are read from the exchange's JSON; whole answers are fuzzed."""

import math
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.records import is_sound

from pumpwatch.adapters.bybit.candles import pages, read_candles
from pumpwatch.adapters.bybit.fields import choice, integer, number, optional_number, text
from pumpwatch.adapters.bybit.orders import (
    SIDES,
)
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadMarketData, ExchangeUnavailable

NOW = 1_760_000_040_000
ODD = ["", "0", "-1", "NaN", "inf", "1e400", "1e-400", "1_0", " 1 ", "\u0661", "0x1", "9" * 60, "-"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(ODD)
    | st.decimals(-10, 10**6, places=4).map(str)
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def listing(rows):
    return JSON | st.lists(rows, max_size=4).map(lambda found: {"list": found})


PRICE = st.decimals("0.0001", 1000, places=4).map(str)

CANDLE = st.tuples(st.integers(-3, 3).map(lambda n: str(NOW + n * MINUTE)), *[PRICE] * 6).map(list)


@settings(deadline=None, max_examples=50)
@given(result=listing(CANDLE | st.lists(SCALARS, min_size=6, max_size=8) | JSON))
def test_candles_are_true_or_refused(result):
    request = CandleRequest("AUSDT", MINUTE, NOW - 2 * MINUTE, NOW)
    try:
        series = read_candles(result, request, time=NOW + 5)
    except BadMarketData:
        return
    assert is_sound(series)
    inside = (series.open_time >= request.start) & (series.open_time <= request.end)
    assert inside.all()
    assert series.forming == bool(len(inside) and series.open_time[-1] + MINUTE > NOW + 5)


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
