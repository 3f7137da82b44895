"""What a minute's trades say, on a minute small enough to reckon by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from pumpwatch.domain.detection.trade_traits import NEEDED, TRADE_TRAITS, trade_traits
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
    (50_000, True, 1, 20),
]
"""Five orders worth 20 (two fills), 20, 10, 30 and 20 USDT; three of them buy."""


def test_each_trait_of_a_minute_is_what_its_name_says():
    found = traits(*BEFORE, *MINUTES, usual=4.0)
    shares = np.array([4, 1, 1]) / 6  # in the twelve stretches of five seconds
    assert found == pytest.approx(
        {
            "trades over the rate before": math.log(7) - math.log(1 + 2 / 2),
            "seconds with a trade": 3,
            "seconds with three trades": 1,
            "effective number of buy orders": math.log(3),
            "turnover share of the last 10 s": 0.2,
            "trade share of the last 10 s": 1 / 6,
            "turnover share bought": 0.6,
            "order share bought": 3 / 5,
            "median trade over the mean minute": math.log(15 / 4),
            "spread of the trades over the minute": float(-(shares * np.log(shares)).sum()),
            "turnover share of the largest buy order": 0.2,
            "length of the middle 80 % of the trades": 40_000 / MINUTE,
            "time from the first trade to the peak": 0.5,
        }
    )


def test_without_trades_before_the_rate_before_is_zero():
    assert traits(*MINUTES)["trades over the rate before"] == pytest.approx(math.log(7))


def test_trades_shortly_before_the_minute_count_as_a_fifth_of_a_minute_at_least():
    found = traits((-1_000, True, 1, 1), *MINUTES)
    assert found["trades over the rate before"] == pytest.approx(math.log(7) - math.log(1 + 5))


def test_a_minute_of_sales_has_no_buy_orders():
    found = traits((100, False, 1, 5), (59_999, False, 1, 5))
    assert found["effective number of buy orders"] == 0
    assert found["turnover share bought"] == 0
    assert found["order share bought"] == 0
    assert found["turnover share of the largest buy order"] == 0


def test_a_minute_has_sixty_seconds_and_ends_before_the_next():
    assert trade_traits(trades((-1, True, 1, 1), (60_000, True, 1, 1)), END, 1.0) is None
    found = traits((0, True, 1, 1), (59_999, True, 1, 1), (60_000, True, 1, 1))
    assert found["seconds with a trade"] == 2
    assert found["trade share of the last 10 s"] == 0.5
    each = traits(*((second * 1_000, True, 1, 1) for second in range(60)))
    assert each["seconds with a trade"] == 60


def test_tiny_trades_and_many_equal_orders_have_a_bound():
    many = [(place * 30, True, 1, 1) for place in range(1_000)]
    crowd = traits(*many, usual=1e12)
    assert crowd["median trade over the mean minute"] == pytest.approx(math.log(1e-6))
    assert crowd["effective number of buy orders"] == pytest.approx(math.log(1_000))


@pytest.mark.parametrize(("earliest", "rate"), [(-240_000, 0.25), (-240_001, 0.0)])
def test_five_minutes_are_looked_at(earliest, rate):
    found = traits((earliest, True, 1, 1), (0, True, 1, 1))
    assert found["trades over the rate before"] == pytest.approx(math.log(2) - math.log1p(rate))


def test_a_minute_needs_the_trades_of_some_seconds_before_it_too():
    seen = trades((0, True, 1, 1), (10, True, 1, 1))
    for since, known in ((END - NEEDED, True), (END - NEEDED + 1, False)):
        part = replace(seen, since=since)
        assert (trade_traits(part, END, 1.0) is not None) is known
        assert trade_traits(part, END, 1.0, whole=False) is not None


def test_parts_of_trades_know_from_when_on_they_are_whole():
    seen = trades(*((second * 1_000, True, 1, 1) for second in range(10)))
    assert seen.reach_back_to(0)
    part = seen.between(START + 3_000, START + 5_000)
    assert part.time.tolist() == [START + 3_000, START + 4_000]
    assert part.since == START + 2_001
    assert part.reach_back_to(START + 2_001)
    assert not part.reach_back_to(START + 2_000)
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
