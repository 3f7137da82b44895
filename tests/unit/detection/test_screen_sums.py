"""What the screen adds up and compares, to the last candle and the last digit.

That it drops no symbol of a real rule is a property, see tests/property.
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from support.random_candles import random_candles

from pumpwatch.domain.detection.base import Carry
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.detection.screen import Past, Reading, flows_kept, recent_flows, screen
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.moments import HOUR, MINUTE

DAY = 24 * HOUR
EDGE = 10_000 * MINUTE
"""A candle begins here; the scans below come a day later."""


class Rule:
    """A rule that needs what it was told; it remembers what it was asked."""

    interval = MINUTE
    flow = "turnover"

    def __init__(self, flow=100.0, high=10.0, *, monotone=True):
        self.answer = flow, high
        self.monotone = monotone
        self.asked = []

    def needs(self, carry, unseen, low):
        self.asked.append((unseen.tolist(), low.tolist()))
        return tuple(np.array([value]) for value in self.answer)


def past(*, first_column=3, columns=6, unjudged=None, through=None):
    """Return a history in which the candle n after the first has a flow of 2 to the n."""
    ended = EDGE + DAY if through is None else through
    return Past(
        Carry.none(1),
        np.array([ended]),
        np.array([ended if unjudged is None else unjudged]),
        np.array([EDGE - first_column * MINUTE]),
        2.0 ** np.arange(columns)[None, :],
    )


def reading(time, flow, *, high=11.0, low=9.0):
    return Reading(time, np.array([low]), np.array([high]), np.array([float(flow)]))


def look(rule, history, *, now=EDGE + DAY + 20_000, came=0.0, high=11.0, low=9.0, before=None):
    """Look 10 s after the last scan of the same minute; the look before is a minute older."""
    early = reading(now - 60_000 if before is None else before, 500.0)
    last = reading(now - 10_000, 500.0 + came / 2)
    found = screen(rule, history, (early, last), reading(now, 500.0 + came, high=high, low=low))
    return bool(found.candidate[0]), float(found.pressure[0])


def test_what_may_have_left_the_day_is_added_candle_by_candle():
    # From the whole minute before that of the look, so two before the edge may count.
    assert look(Rule(1.0), past()) == (True, 2 + 4 + 8)
    assert look(Rule(1.0), past(), came=7.0) == (True, 2 + 4 + 8 + 7)
    later = EDGE + DAY + MINUTE
    assert look(Rule(1.0), past(unjudged=later), now=later + 20_000) == (True, 4 + 8 + 16)


def test_a_candle_counts_once_a_part_of_it_can_have_left():
    start = EDGE + DAY
    history = past(through=start - MINUTE, unjudged=start - MINUTE)
    for now, pressure in ((start, 2 + 4), (start + 1, 2 + 4 + 8)):
        looks = reading(start - MINUTE, 0), reading(start - 1, 0)
        rule = Rule(1.0, monotone=False)
        assert screen(rule, history, looks, reading(now, 0)).pressure[0] == pressure


def test_what_had_left_before_an_older_look_is_not_counted_again():
    """A burst of 8 left between the two older looks: what came since is little."""
    start = EDGE + DAY + MINUTE
    older, anchor = reading(start - 70_000, 500.0), reading(start - 10_000, 492.0)
    last, now = reading(start + 10_000, 493.0), reading(start + 20_000, 493.0)

    def pressure(*looks):
        return screen(Rule(1.0), past(unjudged=start), (*looks, last), now).pressure[0]

    assert pressure(anchor) == 1 + 4 + 8 + 16
    assert pressure(older, anchor) == -7 + 2 + 4 + 8 + 16
    assert pressure(reading(0, 500.0), anchor) == 1 + 4 + 8 + 16
    wrong = reading(start - 70_000, 530.0)
    assert pressure(wrong, anchor) == 1 + 4 + 8 + 16


@pytest.mark.parametrize(
    ("first_column", "columns", "pressure"),
    [(2, 3, 1 + 2 + 4), (1, 4, math.inf), (2, 2, math.inf), (5, 7, 8 + 16 + 32), (7, 7, math.inf)],
)
def test_a_candle_that_the_history_does_not_hold_has_no_bound(first_column, columns, pressure):
    history = past(first_column=first_column, columns=columns)
    assert look(Rule(1.0), history) == (True, pressure)


@pytest.mark.parametrize(
    ("needed", "came", "candidate"),
    [
        (100.0, 86.0, True),
        (100.0, 85.9991, True),
        (100.0, 85.9989, False),
        (1e12 * (1 + 1.5e-9), 1e12 - 14, True),
        (1e12 * (1 + 3e-9), 1e12 - 14, False),
    ],
)
def test_a_flow_is_enough_up_to_rounding(needed, came, candidate):
    assert look(Rule(needed), past(), came=came)[0] is candidate


@pytest.mark.parametrize(
    ("high", "candidate"), [(10.0, True), (10.0 - 1e-9, True), (10.0 - 1e-6, False)]
)
def test_a_high_is_enough_up_to_rounding(high, candidate):
    assert look(Rule(1.0), past(), high=high)[0] is candidate


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        (Rule(math.nan), {}),
        (Rule(1e9, math.nan), {}),
        (Rule(1e9), {"high": math.nan}),
        (Rule(1e9), {"came": math.nan}),
    ],
)
def test_each_thing_that_is_not_known_alone_makes_a_candidate_of_endless_pressure(rule, changes):
    assert look(rule, past(), **changes) == (True, math.inf)


def test_whoever_needs_no_flow_is_under_endless_pressure():
    assert look(Rule(0.0), past()) == (True, math.inf)


def test_a_last_close_older_than_the_day_of_the_ticker_has_no_bound():
    now = EDGE + DAY + 20_000
    exactly = past(through=now - DAY, unjudged=now // MINUTE * MINUTE)
    assert look(Rule(1e9), exactly, now=now)[0] is False
    old = past(through=now - DAY - 1, unjudged=now // MINUTE * MINUTE)
    assert look(Rule(1e9), old, now=now) == (True, math.inf)


def test_the_rule_is_asked_about_the_candles_that_nobody_has_seen():
    rule = Rule()
    look(rule, past(through=EDGE + DAY - 3 * MINUTE), low=8.5)
    look(rule, past(through=EDGE + DAY + 5 * MINUTE), low=8.5)
    assert rule.asked == [([3], [8.5]), ([0], [8.5])]


def test_a_candle_that_was_judged_is_not_judged_again():
    now = EDGE + DAY + 20_000
    judged = past(unjudged=EDGE + DAY + MINUTE)
    assert look(Rule(1.0), judged, now=now)[0] is False
    unbounded = past(unjudged=EDGE + DAY - MINUTE)
    assert look(Rule(1e9), unbounded, now=now) == (True, math.inf)
    young_look = look(Rule(1e9), past(), now=now, before=EDGE + DAY + 1)
    assert young_look == (True, math.inf)
    assert look(Rule(1e9), past(), now=now, before=EDGE + DAY)[0] is False


def test_a_candle_that_can_undo_its_alarm_is_judged_when_it_has_ended():
    start = EDGE + DAY
    rule = Rule(1.0, monotone=False)
    assert look(rule, past())[0] is False
    assert look(rule, past(unjudged=start - MINUTE)) == (True, math.inf)
    looks = reading(start - 50_000, 100.0), reading(start + 50_000, 130.0)
    for minutes, asked in ((1, [[0]]), (2, [[0], [1]])):
        rule = Rule(1.0, monotone=False)
        found = screen(rule, past(), looks, reading(start + minutes * MINUTE + 5_000, 150.0))
        assert found.candidate[0]
        assert [unseen for unseen, _ in rule.asked] == asked


def test_a_new_minute_is_judged_beside_the_one_that_ended():
    """The look before covers both; the last scan the new one, and less may have left since."""
    start = EDGE + DAY
    looks = reading(start - 50_000, 100.0), reading(start + 50_000, 130.0)
    now = reading(start + 70_000, 150.0)
    rule = Rule(1.0)
    found = screen(rule, past(), looks, now)
    assert [unseen for unseen, _ in rule.asked] == [[0], [1]]
    assert found.pressure[0] == 50 + 2 + 4 + 8 + 16
    ended = screen(Rule(1.0), past(unjudged=start + MINUTE), looks, now)
    assert (ended.candidate[0], ended.pressure[0]) == (True, 50 + 2 + 4 + 8 + 16)


@pytest.mark.parametrize(
    ("rule", "kept"), [(Boosted(), 5 * 60), (Ewma(), 26 * 60), (Karbalaii(), 26)]
)
def test_flows_are_kept_of_what_leaves_the_day_while_the_rule_has_bounds(rule, kept):
    assert flows_kept(rule) == kept


def kept_from(candles, *, through=None, unseen_limit=180):
    rule = SimpleNamespace(interval=MINUTE, flow="turnover", unseen_limit=unseen_limit)
    end = int(candles.open_time[-1]) + MINUTE
    return recent_flows(rule, candles, np.array(through or [end] * len(candles.symbols)))


def test_flows_of_the_grid_are_kept_and_what_it_does_not_cover_is_not_known():
    candles = Candles.empty(["A", "B"], interval=MINUTE, first=EDGE, count=25 * 60)
    candles.turnover[:] = np.arange(25 * 60)
    candles.turnover[1, 25] = np.nan
    start, flows = kept_from(candles)
    assert (start, flows.shape) == (EDGE - HOUR, (2, 300))
    assert np.isinf(flows[:, :60]).all()
    assert flows[0, 60:].tolist() == list(range(240))
    assert flows[1, 60 + 25] == 0.0


def test_flows_after_the_end_of_a_symbols_history_are_not_known():
    candles = random_candles(4, 2, 26 * 60)
    start, flows = kept_from(candles, through=[7 * MINUTE, 300 * MINUTE])
    assert start == 0
    assert np.isinf(flows).sum(axis=1).tolist() == [293, 0]
    np.testing.assert_array_equal(flows[0, :7], candles.turnover[0, :7])


def test_an_hourly_rule_keeps_the_flow_of_each_hour():
    candles = random_candles(4, 2, 40, interval=HOUR)
    first, flows = recent_flows(Karbalaii(), candles, np.array([40 * HOUR] * 2))
    assert first == 14 * HOUR
    np.testing.assert_allclose(flows, candles.volume[:, 14:])


def test_a_pause_longer_than_what_is_kept_has_no_bound():
    """It is not gone through minute by minute either."""
    found = look(Rule(1.0), past(), before=EDGE - 10_000 * DAY)
    assert found == (True, math.inf)
