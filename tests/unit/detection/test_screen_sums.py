"""What the screen adds up and compares, to the last stretch and the last digit.

That it drops no symbol of a real rule is a property, see tests/property.
"""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from support.random_candles import random_candles

from pumpwatch.domain.detection.base import Carry
from pumpwatch.domain.detection.kamps_kleinberg import KampsKleinberg
from pumpwatch.domain.detection.screen import (
    Past,
    Reading,
    recent_flows,
    screen,
    stretch_of,
    stretches,
)
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.moments import HOUR, MINUTE

STRETCH = 10 * MINUTE
DAY = 24 * HOUR
EDGE = 1_000 * STRETCH
"""A stretch begins here; the scans below come a day later."""


class Rule:
    """A rule that needs what it was told; it remembers what it was asked."""

    interval = MINUTE
    flow = "turnover"

    def __init__(self, flow=100.0, high=10.0):
        self.answer = flow, high
        self.asked = []

    def needs(self, carry, unseen, low):
        self.asked.append((unseen.tolist(), low.tolist()))
        return tuple(np.array([value]) for value in self.answer)


def past(*, first_column=2, columns=6, unjudged=None, through=None):
    """Return a history in which the stretch n after the first has a flow of 2 to the n."""
    ended = EDGE + DAY if through is None else through
    return Past(
        Carry.none(1),
        np.array([ended]),
        np.array([ended if unjudged is None else unjudged]),
        np.array([EDGE - first_column * STRETCH]),
        2.0 ** np.arange(columns)[None, :],
    )


def reading(time, flow, *, high=11.0, low=9.0):
    return Reading(time, np.array([low]), np.array([high]), np.array([float(flow)]))


def look(rule, history, *, now=EDGE + DAY + 20_000, came=0.0, high=11.0, low=9.0, before=None):
    """Look 10 s after the last scan of the same minute; the anchor is a minute older."""
    anchor = reading(now - 60_000 if before is None else before, 500.0)
    last = reading(now - 10_000, 500.0 + came / 2)
    found = screen(rule, history, anchor, last, reading(now, 500.0 + came, high=high, low=low))
    return bool(found.candidate[0]), float(found.pressure[0])


def test_what_may_have_left_the_day_is_added_stretch_by_stretch():
    # From the whole minute before the anchor's own, so the stretch before the edge may count.
    assert look(Rule(1.0), past()) == (True, 2 + 4)
    assert look(Rule(1.0), past(), came=7.0) == (True, 2 + 4 + 7)
    now = EDGE + DAY + 9 * MINUTE + 20_000
    assert look(Rule(1.0), past(unjudged=now // MINUTE * MINUTE), now=now) == (True, 4)
    now = EDGE + DAY + 3 * STRETCH - 10_000
    assert look(Rule(1.0), past(unjudged=now // MINUTE * MINUTE), now=now) == (True, 16)


def test_a_stretch_counts_from_the_moment_it_begins():
    ahead = EDGE + DAY + STRETCH
    history = past(unjudged=ahead)
    assert look(Rule(1.0), history, now=ahead + 10_000, before=ahead - MINUTE)[1] == 4 + 8
    exactly = screen(
        Rule(1.0), past(through=ahead - MINUTE, unjudged=ahead - MINUTE),
        reading(ahead - MINUTE, 0), reading(ahead - 1, 0), reading(ahead, 0),
    )  # fmt: skip
    assert exactly.pressure[0] == 4 + 8
    just_before = screen(
        Rule(1.0), past(through=ahead - MINUTE, unjudged=ahead - MINUTE),
        reading(ahead - MINUTE, 0), reading(ahead - 2, 0), reading(ahead - 1, 0),
    )  # fmt: skip
    assert just_before.pressure[0] == 4


@pytest.mark.parametrize(
    ("first_column", "columns", "pressure"),
    [(1, 2, 1 + 2), (0, 2, math.inf), (1, 1, math.inf), (5, 7, 16 + 32), (6, 6, math.inf)],
)
def test_a_stretch_that_the_history_does_not_hold_has_no_bound(first_column, columns, pressure):
    history = past(first_column=first_column, columns=columns)
    assert look(Rule(1.0), history) == (True, pressure)


@pytest.mark.parametrize(
    ("needed", "came", "candidate"),
    [
        (100.0, 94.0, True),
        (100.0, 93.9991, True),
        (100.0, 93.9989, False),
        (1e12 * (1 + 1.5e-9), 1e12 - 6, True),
        (1e12 * (1 + 3e-9), 1e12 - 6, False),
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
    young_anchor = look(Rule(1e9), past(), now=now, before=EDGE + DAY + 1)
    assert young_anchor == (True, math.inf)
    assert look(Rule(1e9), past(), now=now, before=EDGE + DAY)[0] is False


def test_a_new_minute_is_judged_beside_the_one_that_ended():
    """The anchor covers both, the last scan the new one alone."""
    start = EDGE + DAY
    anchor, last = reading(start - 50_000, 100.0), reading(start + 50_000, 130.0)
    now = reading(start + 70_000, 150.0)
    rule = Rule(1.0)
    found = screen(rule, past(), anchor, last, now)
    assert [asked[0] for asked in rule.asked] == [[0], [1]]
    assert found.pressure[0] == 50 + 2 + 4
    ended = screen(Rule(1.0), past(unjudged=start + MINUTE), anchor, last, now)
    assert (ended.candidate[0], ended.pressure[0]) == (True, 56)


def test_stretches_are_ten_minutes_or_a_candle_and_cover_a_day_and_two_hours():
    assert (stretch_of(MINUTE), stretch_of(HOUR)) == (10 * MINUTE, HOUR)
    assert (stretches(MINUTE), stretches(HOUR)) == (156, 26)


@pytest.mark.parametrize(("late", "begins"), [(0, 0), (1, 10), (9, 10), (10, 10)])
def test_only_whole_stretches_of_the_grid_are_added_up(late, begins):
    first = EDGE + late * MINUTE
    candles = Candles.empty(["A", "B"], interval=MINUTE, first=first, count=47)
    candles.turnover[:] = [[1.0], [2.0]]
    candles.turnover[1, 25] = np.nan
    start, flows = recent_flows(SimpleNamespace(interval=MINUTE, flow="turnover"), candles)
    end = (first + 47 * MINUTE) // STRETCH * STRETCH
    assert (start, flows.shape) == (end - 156 * STRETCH, (2, 156))
    whole = (end - EDGE - begins * MINUTE) // STRETCH
    assert np.isinf(flows[:, :-whole]).all()
    assert flows[0, -whole:].tolist() == [10.0] * whole
    assert sorted(flows[1, -whole:].tolist()) == [18.0] + [20.0] * (whole - 1)


def test_an_hourly_rule_keeps_the_flow_of_each_hour():
    candles = random_candles(4, 2, 40, interval=HOUR)
    first, flows = recent_flows(KampsKleinberg(), candles)
    assert first == 14 * HOUR
    np.testing.assert_allclose(flows, candles.volume[:, 14:])


def test_a_grid_without_a_whole_stretch_says_nothing():
    candles = Candles.empty(["A"], interval=MINUTE, first=EDGE + MINUTE, count=12)
    _, flows = recent_flows(SimpleNamespace(interval=MINUTE, flow="volume"), candles)
    assert np.isinf(flows).all()
