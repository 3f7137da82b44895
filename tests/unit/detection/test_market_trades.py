"""What a minute's trades say, on a minute small enough to reckon by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS, trade_traits
from pumpwatch.domain.market.trades import MOST, MarketTrades
from pumpwatch.domain.moments import MINUTE

END = 10 * MINUTE
START = END - MINUTE


def trades(*rows):
    """Return trades of (milliseconds after the minute's start, bought, price, quantity)."""
    time, bought, price, quantity = zip(*rows, strict=True)
    return MarketTrades(
        START + np.array(time), np.array(bought), np.array(price, float), np.array(quantity, float)
    )


def traits(*rows, usual=1.0):
    found = trade_traits(trades(*rows), END, usual)
    assert found is not None
    return dict(zip(TRADE_TRAITS, found.tolist(), strict=True))


BEFORE = [(-120_000, True, 1, 1), (-60_000, False, 1, 1)]
MINUTES = [
    (0, True, 1, 10),
    (0, True, 2, 5),
    (300, True, 2, 10),
    (999, False, 1, 10),
    (30_000, False, 3, 10),
    (42_000, True, 1, 12),
    (50_000, True, 1, 20),
    (57_000, True, 2, 4),
    (58_000, False, 1, 10),
]
"""Orders worth 20 (two fills), 20, 10, 30, 12, 20, 8 and 10 USDT; five of the eight buy."""


def test_each_trait_of_a_minute_is_what_its_name_says():
    found = traits(*BEFORE, *MINUTES, usual=4.0)
    bins = np.array([4, 1, 1, 1, 2]) / 9  # those of five seconds that have a trade
    orders, last = np.array([20, 20, 12, 20, 8]) / 80, np.array([20, 8]) / 28
    assert found == pytest.approx(
        {
            "trades over the rate before": math.log(10) - math.log(1 + 2 / 4),
            "seconds with a trade": 6,
            "seconds with three trades": 1,
            "effective number of buy orders": -math.log((orders**2).sum()),
            "effective number of buy orders, 10 s": -math.log((last**2).sum()),
            "effective number of buy orders, 5 s": 0.0,
            "turnover share bought": 80 / 130,
            "turnover share bought, 10 s": 28 / 38,
            "turnover share bought, 5 s": 8 / 18,
            "order share bought": 5 / 8,
            "order share bought, 10 s": 2 / 3,
            "turnover share of the largest buy order": 20 / 130,
            "turnover share of the largest buy order, 10 s": 20 / 38,
            "share of buy orders with several fills": 1 / 5,
            "bought turnover of orders with several fills": 20 / 80,
            "median trade over the mean minute": math.log(10 / 4),
            "median buy order over the mean minute": math.log(20 / 4),
            "entropy of the trades over the minute": float(-(bins * np.log(bins)).sum()),
            "length of the middle 80 % of the trades": 57_000 / MINUTE,
            "time from the first trade to the peak": 0.5,
            "time since the peak": 0.5,
            "age of 10 % of the turnover": 60.0,
            "age of half of the turnover": 30.0,
            "buy orders of 5 s over those of 15 s before": math.log(3 * 2 / 5),
            "reach of the trades": 60.0,
            "time since the last trade": 2.0,
            "falls over all changes of price, 10 s": 1 / 2,
        }
    )


def test_without_trades_before_the_rate_before_is_zero():
    assert traits(*MINUTES)["trades over the rate before"] == pytest.approx(math.log(10))


@pytest.mark.parametrize(("short", "rate"), [(0, 1 / 0.2), (1, math.nan)])
def test_a_rate_needs_twelve_seconds_before_the_minute(short, rate):
    seen = replace(trades((-1_000, True, 1, 1), *MINUTES), since=START - 12_000 + short)
    found = dict(zip(TRADE_TRAITS, trade_traits(seen, END, 1.0), strict=True))
    expected = math.log(10) - math.log1p(rate)
    assert found["trades over the rate before"] == pytest.approx(expected, nan_ok=True)


def test_a_minute_of_sales_has_no_buy_orders():
    found = traits((100, False, 1, 5), (59_999, False, 1, 5))
    nothing = [name for name in TRADE_TRAITS if "buy" in name or "bought" in name]
    nothing.remove("median buy order over the mean minute")
    nothing.remove("buy orders of 5 s over those of 15 s before")
    assert len(nothing) == 12
    assert {found[name] for name in nothing} == {0.0}
    assert found["median buy order over the mean minute"] == pytest.approx(math.log(1e-6))
    assert found["buy orders of 5 s over those of 15 s before"] == 0.0


def test_a_minute_has_sixty_seconds_and_ends_before_the_next():
    assert trade_traits(trades((-1, True, 1, 1), (60_000, True, 1, 1)), END, 1.0) is None
    found = traits((0, True, 1, 1), (59_999, True, 1, 1), (60_000, True, 1, 1))
    assert found["seconds with a trade"] == 2
    assert found["length of the middle 80 % of the trades"] == 0.0
    assert (found["reach of the trades"], found["time since the last trade"]) == (60.0, 0.001)
    each = traits(*((second * 1_000, True, 1, 1) for second in range(60)))
    assert each["seconds with a trade"] == 60


@pytest.mark.parametrize(("span", "late"), [(10, "10 s"), (5, "5 s")])
def test_a_window_begins_with_its_first_millisecond(span, late):
    begin = MINUTE - span * 1_000
    for offset, share in ((0, 0.5), (-1, 1.0)):
        found = traits((begin + offset, False, 1, 1), (begin + 1, True, 1, 1))
        assert found[f"turnover share bought, {late}"] == share


def test_without_a_change_of_price_falls_are_half_of_nothing():
    for rows in (
        [(0, True, 1, 1)],
        [(59_000, True, 1, 1)],
        [(0, True, 1, 1), (59_000, True, 1, 2)],
    ):
        assert traits(*rows)["falls over all changes of price, 10 s"] == 0.5
    found = traits((0, True, 2, 1), (59_000, True, 1, 1))
    assert found["falls over all changes of price, 10 s"] == 1.0


def test_tiny_trades_and_many_equal_orders_have_a_bound():
    many = [(place * 30, True, 1, 1) for place in range(1_000)]
    crowd = traits(*many, usual=1e12)
    assert crowd["median trade over the mean minute"] == pytest.approx(math.log(1e-6))
    assert crowd["effective number of buy orders"] == pytest.approx(math.log(1_000))


@pytest.mark.parametrize(("earliest", "rate"), [(-240_000, 0.25), (-240_001, 0.0)])
def test_five_minutes_are_looked_at(earliest, rate):
    found = traits((earliest, True, 1, 1), (0, True, 1, 1))
    assert found["trades over the rate before"] == pytest.approx(math.log(2) - math.log1p(rate))


def test_parts_of_trades_know_from_when_on_they_are_whole():
    seen = trades(*((second * 1_000, True, 1, 1) for second in range(10)))
    assert seen.since == 0
    part = seen.between(START + 3_000, START + 5_000)
    assert part.time.tolist() == [START + 3_000, START + 4_000]
    assert part.since == START + 2_001
    assert seen.between(0, START + 2_000).since == 0
    late = replace(seen, since=START + 2_500).between(START + 3_000, END)
    assert late.since == START + 2_500


def test_an_exchange_shows_the_last_thousand_trades_before_a_time():
    many = trades(*((place, place % 2 == 0, place + 1, 2) for place in range(MOST + 50)))
    shown = many.shown_at(START + MOST + 20)
    assert shown.time.tolist() == list(range(START + 20, START + MOST + 20))
    assert (shown.price[0], shown.quantity[0], bool(shown.bought[0])) == (21, 2, True)
    assert shown.since == START + 20
    assert many.shown_at(START + 5).time.tolist() == list(range(START, START + 5))
