"""The fast rule's parts: gates, the day before, each trait by hand, thresholds by scan interval."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.random_looks import random_look

from pumpwatch.domain.detection.burst_rule import BurstRule, BurstScores, step_of
from pumpwatch.domain.detection.burst_traits import (
    BURST_TRAITS,
    DAY_TRAITS,
    FLOW_TRAITS,
    burst_traits,
    clock_traits,
)
from pumpwatch.domain.detection.bursts import Look, UsualMinute, bursts, day_before
from pumpwatch.domain.detection.model import stored_model
from pumpwatch.domain.market.candles import COLUMNS, Candles
from pumpwatch.domain.market.ring import Ring
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import HOUR, MINUTE, SECOND

DAY = 1440
TIME = 10_000 * MINUTE + 12 * SECOND
GRID = TIME - 5 * SECOND * np.arange(62, -1, -1)
ONE = UsualMinute(np.array([1.0]), np.array([0.5]))


def calm_day(count=DAY + 2):
    """Return candles at 10 with 1 of turnover each, up to the minute before that of `TIME`."""
    first = (TIME // MINUTE - count) * MINUTE
    candles = Candles.empty(["A"], interval=MINUTE, first=first, count=count)
    for name in COLUMNS:
        getattr(candles, name)[:] = 10.0 if name in COLUMNS[:4] else 1.0
    return candles


def ring(added, prices=None):
    """Return a ring in whose last steps this much was turned over, at these prices."""
    last, steps = np.full(len(GRID), 10.0), np.zeros(len(GRID))
    steps[len(GRID) - len(added) :] = added
    if prices is not None:
        last[len(GRID) - len(prices) :] = prices
    return Ring(GRID, last[None], np.cumsum(steps)[None])


def some_trades(*rows, since=0):
    """Return trades of (seconds before `TIME`, value), bought at a price of 10."""
    ago, value = zip(*rows, strict=True)
    time = TIME - np.round(np.array(ago) * 1000).astype(np.int64)
    ones = np.ones(len(time))
    return MarketTrades(time, ones.astype(bool), 10 * ones, np.array(value) / 10, since)


def test_a_symbol_bursts_when_it_passes_each_gate_and_not_when_it_only_reaches_it():
    good = ring([70.5, 10.0], [10.2])
    assert bursts(good, TIME, ONE).tolist() == [80.5]
    last = ring([0.0, 10.5, *[0.0] * 8, 65.0, 5.0], [10.2])
    for wrong, usual in (
        (ring([70.0, 10.0], [10.2]), ONE),
        (good, replace(ONE, deviation=np.array([79.5 / 15]))),
        (ring([70.5, 5.0, 5.0], [10.2]), ONE),
        (good, replace(ONE, mean=np.array([np.nan]))),
        (ring([70.5, 10.0], [10.09]), ONE),
    ):
        assert bursts(wrong, TIME, usual).tolist() == [0.0]
    assert bursts(last, TIME, ONE).tolist() == [80.5]
    assert bursts(good, TIME, replace(ONE, mean=np.zeros(1))).tolist() == [math.inf]


def test_only_what_the_ring_knows_for_five_minutes_bursts():
    good = ring([70.5, 10.0], [10.2])
    whole, part = (Ring(good.time[-n:], good.last[:, -n:], good.flow[:, -n:]) for n in (61, 60))
    assert bursts(whole, TIME, ONE).tolist() == [80.5]
    assert bursts(part, TIME, ONE).tolist() == [0.0]
    assert bursts(good, TIME + 1, ONE).tolist() == [0.0]
    assert bursts(Ring.empty(1), TIME, ONE).tolist() == [0.0]


@pytest.mark.parametrize(("late", "newest"), [(0, -1), (12, -1), (59, -1), (60, 0)])
def test_the_day_before_ended_a_minute_before_the_scan(late, newest):
    candles = calm_day()
    time = TIME // MINUTE * MINUTE + late * SECOND
    columns = day_before(candles, time)
    if newest == 0:
        candles = calm_day().regrid(first=int(candles.open_time[0]), count=DAY + 3)
    opened = candles.open_time[columns]
    assert len(columns) == DAY
    assert opened[-1] == (time - MINUTE) // MINUTE * MINUTE - MINUTE
    assert time - (opened[-1] + MINUTE) >= MINUTE


def test_a_day_with_holes_reaches_further_back_and_a_short_one_is_none():
    candles = calm_day(DAY + 3)
    for name in COLUMNS:
        getattr(candles, name)[0, [7, 100]] = np.nan
    columns = day_before(candles, TIME)
    assert len(columns) == DAY
    assert {7, 100}.isdisjoint(columns.tolist())
    candles.close[0, 50] = np.nan
    assert day_before(candles, TIME) is None


def a_burst():
    """Return a look at 120 bought in eight seconds, while the price rose from 10 to 11."""
    bought = [(7.0, 30.0), (6.0, 30.0), (4.0, 30.0), (1.0, 30.0)]
    return Look(
        TIME,
        ring([60.0, 60.0], [10.0, 10.8, 10.4]),
        calm_day(),
        some_trades((100.0, 2.0), *bought, since=TIME - 80 * SECOND),
    )


def test_each_trait_of_a_burst_is_what_its_name_says():
    look = a_burst()
    look.ring.flow[0, -25:] += 1.0
    look.candles.turnover[0, 900], look.candles.high[0, 901] = 50.0, 10.5
    mean, deviation = 1 + 49 / DAY, 49 / DAY * math.sqrt(DAY - 1)
    found, begin = burst_traits(look)
    named = dict(zip(BURST_TRAITS, found.tolist(), strict=True))
    flows = dict(zip(FLOW_TRAITS, found.tolist(), strict=False))
    assert begin == TIME - 10 * SECOND
    assert flows == pytest.approx(
        {
            "turnover of 5 s over the mean minute": math.log(60 / mean),
            **{
                f"turnover of {span} s over the mean minute": math.log(120 / mean)
                for span in (10, 20, 30, 60)
            },
            "turnover of 10 s in standard deviations": math.log((120 - mean / 6) / deviation),
            "turnover of 60 s in standard deviations": math.log((120 - mean) / deviation),
            "turnover 1 min before": math.log(0.1),
            "turnover 2 min before": math.log(1 / mean),
            "turnover 3 min before": math.log(0.1),
            "turnover 4 min before": math.log(0.1),
            "rise over the lowest of 60 s": 0.04,
            "rise over the lowest of 5 min": 0.04,
            "rise of 5 s": 10.4 / 10.8 - 1,
            "rise of 10 s": 0.04,
            "rise of 30 s": 0.04,
            "share of the rise kept, 60 s": 0.5,
            "share of the rise kept, 5 min": 0.5,
            "time since the high": 5.0,
            "steps with turnover, 30 s": 2 / 6,
            "steps with turnover, 60 s": 2 / 12,
            "steps with turnover before": math.log(1.0),
            "largest step's share": 0.5,
            "share of rising steps": 0.5,
            "efficiency of the rise": 0.4 / 1.2,
            "share of 5 s in 10 s": 0.5,
            "share of 10 s in 30 s": 1.0,
            "share of 30 s in 60 s": 1.0,
            "age of the burst": 10.0,
        },
        abs=1e-9,
    )
    day = {name: named[name] for name in DAY_TRAITS}
    assert day == pytest.approx(
        {
            "turnover of an hour, 5 min before": math.log(1 / mean),
            "turnover of an hour, 1 min before": math.log(1 / mean),
            "rise over the median of an hour": 0.04,
            "volatility of the day": 0.0,
            "share of minutes with a trade": 1.0,
            "bursts of the day": 1.0,
            "largest jump of the day": 0.05,
        },
        abs=1e-9,
    )
    assert named["turnover of 60 s over the day's largest"] == pytest.approx(math.log(120 / 50))
    assert named["rise in standard deviations"] == pytest.approx(math.log(1.04) / 1e-5)


@pytest.mark.parametrize("back", [*range(1, 15), *range(55, 70), 1438, 1439, 1440, 1441])
def test_bursts_and_jumps_of_the_last_ten_minutes_are_not_the_days(back):
    candles = calm_day()
    candles.turnover[0, -1 - back], candles.high[0, -1 - back] = 35.0, 10.5
    found = dict(
        zip(BURST_TRAITS, burst_traits(replace(a_burst(), candles=candles))[0], strict=True)
    )
    # The last column ends too late for the day; its last nine minutes are the burst's own.
    in_day, settled = 1 <= back <= DAY, 10 <= back <= DAY
    assert found["bursts of the day"] == settled
    assert found["largest jump of the day"] == pytest.approx(0.05 * (10 <= back < DAY))
    later, sooner = (found[f"turnover of an hour, {minutes} min before"] for minutes in (1, 5))
    mean = 1 + 34 / DAY * in_day
    hour = math.log((60 + 34) / 60 / mean)
    assert later == pytest.approx(hour if 1 <= back <= 60 else -math.log(mean))
    assert sooner == pytest.approx(hour if 5 <= back <= 64 else -math.log(mean))


def test_what_is_not_known_or_is_no_burst_is_not_judged():
    look = a_burst()
    assert burst_traits(look) is not None
    quiet = some_trades((7.0, 30.0), (1.0, 30.0))
    for unknown in (
        replace(look, trades=None),
        replace(look, trades=quiet),
        replace(look, trades=some_trades((100.0, 2.0))),
        replace(look, candles=calm_day(DAY)),
        replace(look, ring=Ring.empty(1)),
        replace(look, ring=ring([60.0, 60.0], [10.09, 10.09])),
        replace(look, ring=Ring(GRID[-60:], look.ring.last[:, -60:], look.ring.flow[:, -60:])),
    ):
        assert burst_traits(unknown) is None
        assert stored_model().burst_rule(5 * SECOND).judge(unknown) is None


def test_trades_that_do_not_reach_back_leave_the_rest_to_the_ring():
    look = a_burst()
    short = some_trades((4.0, 30.0), (1.0, 30.0), since=TIME - 4 * SECOND)
    names = [f"turnover of {span} s over the mean minute" for span in (5, 10, 60)]
    places = [BURST_TRAITS.index(name) for name in names]
    found = burst_traits(replace(look, trades=short))[0][places]
    assert np.exp(found).tolist() == pytest.approx([60.0, 120.0, 120.0])


def test_no_more_trades_are_read_than_an_exchange_shows():
    look = random_look(5, count=3000, age=8 * SECOND)
    shown = replace(look, trades=look.trades.shown_at(look.time))
    assert len(shown.trades.time) == 1000 < len(look.trades.time)
    for step in (5 * SECOND, 15 * SECOND):
        whole, part = (burst_traits(some, step) for some in (look, shown))
        np.testing.assert_array_equal(whole[0], part[0])


@pytest.mark.parametrize(
    ("begin", "hour", "half"), [(0, 0, 0), (29, 29, 1), (31, 29, 1), (50, 10, 10), (61, 1, 1)]
)
def test_the_clock_counts_to_the_nearest_full_and_half_hour(begin, hour, half):
    expected = [math.log1p(60 * minutes) for minutes in (hour, half)]
    assert clock_traits(5 * HOUR + begin * MINUTE).tolist() == pytest.approx(expected)


class Fixed:
    """A score that is the same for every look."""

    def __init__(self, value):
        self.value = value

    def score(self, traits):
        return np.full(len(traits), self.value)


def rule_of(blind, clock, interval=5 * SECOND, **options):
    thresholds = {1000: (9.0, 9.0), 5000: (2.0, 3.0), 20_000: (1.0, 1.5)}
    return BurstRule(BurstScores(Fixed(blind), Fixed(clock), thresholds), interval, **options)


@pytest.mark.parametrize(
    ("blind", "clock", "alarm", "margin"),
    [(2.0, 3.0, False, 0.0), (2.1, 0.0, True, 0.1), (0.0, 3.1, True, 0.1), (0, 0, False, -2.0)],
)
def test_either_score_alarms_above_its_threshold(blind, clock, alarm, margin):
    verdict = rule_of(blind, clock).judge(a_burst())
    assert (verdict.alarm, verdict.margin) == (alarm, pytest.approx(margin))
    assert verdict.strength == pytest.approx(120.0)
    assert (verdict.jump, verdict.price) == (pytest.approx(0.04), 10.4)
    assert verdict.base_price == pytest.approx(10.0)


def test_without_the_clock_the_blind_score_alone_decides():
    assert rule_of(0.0, 99.0).judge(a_burst()).alarm
    alone = rule_of(0.0, 99.0, reads_clock=False).judge(a_burst())
    assert (alone.alarm, alone.margin) == (False, -2.0)
    assert rule_of(2.1, 0.0, reads_clock=False).judge(a_burst()).alarm


def test_the_margin_asks_for_more_of_both_scores():
    assert rule_of(2.6, 0.0, margin=0.5).judge(a_burst()).alarm
    assert not rule_of(2.4, 3.4, margin=0.5).judge(a_burst()).alarm
    assert rule_of(1.6, 0.0, margin=-0.5).judge(a_burst()).alarm


@pytest.mark.parametrize(
    ("interval", "least"),
    [(500, 9.0), (1000, 9.0), (4999, 9.0), (5000, 2.0), (19_999, 2.0), (30_000, 1.0)],
)
def test_an_interval_takes_the_thresholds_of_the_next_shorter(interval, least):
    rule = rule_of(0.0, 0.0, interval, reads_clock=False)
    assert rule.margins(np.zeros((1, 1)), np.zeros((1, 2))).tolist() == [-least]


def test_scans_that_are_too_rare_or_none_at_all_are_refused():
    assert (step_of(1000), step_of(5000), step_of(5001)) == (5000, 5000, 15_000)
    model = stored_model()
    assert model.burst_rule(30 * SECOND).scores is model.bursts[15 * SECOND]
    assert model.burst_rule(SECOND, reads_clock=False).reads_clock is False
    for interval in (0, 30 * SECOND + 1):
        with pytest.raises(ValueError, match=f"scans {interval} ms apart are too rare"):
            model.burst_rule(interval)
