"""The screen on single symbols: what is unknown stays a candidate, what is bounded is dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.random_candles import random_candles

from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.kamps_kleinberg import KampsKleinberg
from pumpwatch.domain.detection.screen import Past, Reading, recent_flows, screen, stretches
from pumpwatch.domain.market.candles import HOUR, MINUTE, Candles

RULE = Ewma(warm_up=60)
DAY = 24 * HOUR
NOW = 2_000_000 * MINUTE + 20_000
"""Twenty seconds into a minute."""
FORMING = NOW // MINUTE * MINUTE


def calm_past(symbols=1):
    """Return the history of calm symbols: about 1,000 USDT a minute, some of them 10,000."""
    candles = random_candles(3, symbols, 1560)
    candles = replace(candles, open_time=candles.open_time + FORMING - MINUTE - 1560 * MINUTE)
    candles.close[:] = 10.0
    candles.turnover[:] = np.where(np.arange(1560) % 50, 1000.0, 10_000.0)
    first, flows = recent_flows(RULE, candles)
    times = np.full(symbols, FORMING - MINUTE)
    return Past(RULE.advance(candles), times, times.copy(), np.full(symbols, first), flows)


def reading(time, *, flow, high=10.01, low=9.99):
    return Reading(time, np.array([low]), np.array([high]), np.array([float(flow)]))


def look(past, *, rise, high=10.01, low=9.99, forget=None):
    """Screen after two minutes in which the 24-hour flow rose by `rise`."""
    anchor, last = reading(NOW - 2 * MINUTE, flow=1.44e6), reading(NOW - MINUTE, flow=1.44e6)
    now = reading(NOW, flow=1.44e6 + rise, high=high, low=low)
    return screen(RULE, past, forget or anchor, last, now)


def test_quiet_symbol_is_dropped_though_its_price_could_have_jumped():
    assert not look(calm_past(), rise=2000, high=12.0).candidate[0]


def test_burst_of_turnover_is_dropped_while_no_price_of_the_day_is_high_enough():
    assert not look(calm_past(), rise=1e6).candidate[0]
    assert look(calm_past(), rise=1e6, high=11.0).candidate[0]
    assert look(calm_past(), rise=1e6, high=10.5, low=9.0).candidate[0]


def test_pressure_tells_how_far_the_flow_could_be_above_the_need():
    strong, weak = (look(calm_past(), rise=rise, high=11.0).pressure[0] for rise in (1e7, 1e6))
    assert strong > weak > 1


def test_what_left_the_window_is_added_to_what_came():
    past = calm_past()
    leaving = NOW - 2 * MINUTE - DAY
    column = (leaving - int(past.first_flow[0])) // (10 * MINUTE)
    assert not look(past, rise=0, high=11.0).candidate[0]
    past.flows[0, column] = 1e6
    assert look(past, rise=0, high=11.0).candidate[0]


@pytest.mark.parametrize("what", ["flow", "high", "low", "history", "old history", "stretch"])
def test_what_is_not_known_makes_a_candidate(what):
    past, rise, high, low = calm_past(), 0.0, 11.0, 9.99
    if what == "flow":
        rise = np.nan
    elif what == "high":
        high = np.nan
    elif what == "low":
        low = np.nan
        past.carry.close[0] = np.nan
    elif what == "history":
        past.carry.mean[0] = np.nan
    elif what == "old history":
        past.through[0] = NOW - DAY - MINUTE
    else:
        past.first_flow[0] += DAY
    assert look(past, rise=rise, high=high, low=low).candidate[0]


def test_candle_that_began_before_the_first_look_has_no_bound():
    within = reading(NOW - MINUTE, flow=1.44e6)
    assert look(calm_past(), rise=0, high=11.0, forget=within).candidate[0]
    past = calm_past()
    past.unjudged[0] = FORMING
    assert not look(past, rise=0, high=11.0, forget=within).candidate[0]


def test_candle_left_over_from_an_earlier_scan_has_no_bound():
    past = calm_past()
    past.unjudged[0] = FORMING - 3 * MINUTE
    assert look(past, rise=0, high=11.0).candidate[0]


def test_flows_of_the_past_are_sums_and_unknown_where_nothing_was_asked():
    candles = Candles.empty(["AUSDT"], interval=MINUTE, first=0, count=125)
    candles.turnover[0, :60] = 1.0
    first, flows = recent_flows(RULE, candles)
    assert first == 2 * HOUR - 26 * HOUR
    assert flows.shape == (1, stretches(MINUTE))
    assert np.isinf(flows[0, :-12]).all()
    assert list(flows[0, -12:]) == [10.0] * 6 + [0.0] * 6


def test_hourly_rule_keeps_the_flow_of_each_hour():
    candles = random_candles(4, 2, 40, interval=HOUR)
    first, flows = recent_flows(KampsKleinberg(), candles)
    assert first == 14 * HOUR
    np.testing.assert_allclose(flows, candles.volume[:, 14:])
