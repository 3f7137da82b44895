"""The learned rule equals its slow reference, never looks ahead, and forgets what is a day old."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_candles import random_candles

from benchmarks.reference import rules as reference
from benchmarks.reference.rule_boosted import boosted, score_of
from pumpwatch.domain.detection import chunks
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.model import stored_model
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS, trade_traits
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE

EXAMPLES = settings(max_examples=20, deadline=None)
LENGTH = 1700
RULE = Boosted(burst=4.0, burst_z=2.0, margin=-4.0)
"""Loose enough that random markets have candidates and alarms."""


@st.composite
def markets(draw, *, gaps=(0.0, 0.0, 0.05), most=3):
    return random_candles(
        draw(st.integers(0, 2**32)),
        draw(st.integers(1, most)),
        LENGTH,
        gaps=draw(st.sampled_from(gaps)),
        zeros=draw(st.sampled_from([0.0, 0.4])),
        scale=draw(st.sampled_from([1e3, 1e-3])),
    )


def random_trades(candles, symbol, seed):
    random = np.random.default_rng(seed)
    first, last = int(candles.open_time[0]), int(candles.open_time[-1]) + MINUTE
    time = np.sort(random.integers(first, last, 30_000))
    price = np.exp(np.cumsum(random.normal(0, 1e-3, len(time))))
    return MarketTrades(
        time, random.random(len(time)) < 0.6, price, random.lognormal(0, 2, len(time))
    )


@settings(max_examples=6, deadline=None)
@given(markets(most=1))
def test_fast_rule_equals_its_slow_reference(candles):
    found = RULE.detect(candles)
    for symbol in range(len(candles.symbols)):
        slow = boosted(reference.rows_of(candles, symbol), RULE)
        expected = [one[0] if one else False for one in slow]
        assert found.alarm[symbol].tolist() == expected
        for index, one in enumerate(slow):
            if one is not None and index:
                np.testing.assert_allclose(
                    [found.strength[symbol, index], found.jump[symbol, index]],
                    one[1:], rtol=1e-9, atol=1e-12,
                )  # fmt: skip


def test_the_markets_above_have_candidates_that_alarm_and_that_do_not():
    tally = np.zeros(2, dtype=int)
    for seed in range(6):
        candles = random_candles(seed, 3, LENGTH)
        found = RULE.detect(candles)
        tally += len(RULE.candidates(candles).rows), found.alarm.sum()
    assert tally[0] > tally[1] > 0


@EXAMPLES
@given(markets(), st.integers(1450, LENGTH), st.integers(0, 100))
def test_cutting_off_the_future_never_changes_the_past(candles, cut, seed):
    trades = [random_trades(candles, row, seed) for row in range(len(candles.symbols))]
    whole = RULE.detect(candles, trades=trades)
    end = int(candles.open_time[0]) + cut * MINUTE
    early = [one.between(0, end) for one in trades]
    past = RULE.detect(candles.between(0, cut), trades=early)
    np.testing.assert_array_equal(whole.alarm[:, :cut], past.alarm)
    np.testing.assert_array_equal(whole.scored[:, :cut], past.scored)


@EXAMPLES
@given(markets(gaps=(0.0,)), st.integers(0, LENGTH - 1441), st.integers(-3000, 3000))
def test_neither_the_start_of_the_history_nor_the_date_matters(candles, cut, days):
    whole = RULE.detect(candles)
    moved = replace(candles, open_time=candles.open_time + days * 1440 * MINUTE + 7 * MINUTE)
    later = RULE.detect(moved.between(cut, LENGTH))
    np.testing.assert_array_equal(whole.alarm[:, cut + 1440 :], later.alarm[:, 1440:])
    assert not later.alarm[:, :1440].any()


@EXAMPLES
@given(markets(), st.sampled_from([1e-6, 1e5]))
def test_the_currency_does_not_matter(candles, worth):
    prices = {name: getattr(candles, name) * worth for name in ("open", "high", "low", "close")}
    other = replace(candles, turnover=candles.turnover * worth, **prices)
    np.testing.assert_array_equal(RULE.detect(candles).alarm, RULE.detect(other).alarm)


@EXAMPLES
@given(markets(), st.integers(1450, 1600))
def test_no_candle_that_could_alarm_undercuts_what_the_memory_says_it_needs(candles, cut):
    memory = RULE.advance(candles.between(0, cut))
    found = RULE.detect(candles)
    alarms = found.scored
    low = np.full(len(candles.symbols), np.inf)
    for column in range(cut, candles.shape[1]):
        low = np.fmin(low, candles.low[:, column])
        unseen = np.full(len(candles.symbols), column - cut)
        flow, high = RULE.needs(memory, unseen, low)
        enough = (candles.turnover[:, column] * (1 + 1e-9) >= flow) | np.isnan(flow)
        tall = (candles.high[:, column] * (1 + 1e-9) >= high) | np.isnan(high)
        assert (enough & tall)[alarms[:, column]].all()


@settings(max_examples=10, deadline=None)
@given(markets(), st.integers(1, 5000))
def test_result_does_not_depend_on_how_symbols_are_cut_into_chunks(candles, size):
    whole = RULE.detect(candles)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK", size)
        np.testing.assert_array_equal(whole.alarm, RULE.detect(candles).alarm)


def test_tree_walk_and_arrays_give_the_same_score():
    random = np.random.default_rng(4)
    model = stored_model()
    minutes = [model.candles, model.trades]
    for score in minutes + [
        part for both in model.bursts.values() for part in (both.blind, both.clock)
    ]:
        wide = score.high - score.low
        traits = score.low + wide * random.normal(0.5, 1, (50, len(score.traits)))
        traits[random.random(traits.shape) < 0.1] = np.nan
        slow = [score_of(score, row.tolist()) for row in traits]
        np.testing.assert_allclose(score.score(traits), slow, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("gap", [50, 71, 72, 80])
def test_the_rate_before_is_not_known_where_too_many_trades_hide_it(gap):
    end = 10 * MINUTE
    time = np.arange(0, end, gap)
    ones = np.ones(len(time))
    traits = trade_traits(MarketTrades(time, ones.astype(bool), ones, ones), end, 1.0)
    rate = traits[TRADE_TRAITS.index("trades over the rate before")]
    assert np.isnan(rate) == (gap < 72)
    assert np.isfinite(np.delete(traits, 0)).all()


def test_found_says_where_a_score_decided_and_what_it_knew():
    candles = random_candles(3, 2, LENGTH)
    trades = [random_trades(candles, 0, 3), None]
    found = RULE.detect(candles, trades=trades)
    looked_at = np.zeros_like(found.alarm)
    some = RULE.candidates(candles)
    looked_at[some.rows, some.columns] = True
    np.testing.assert_array_equal(found.scored, looked_at)
    assert found.scored[0].any()
    np.testing.assert_array_equal(found.traded[0], found.scored[0])
    assert not found.traded[1].any()
    alone = replace(RULE, read_trades=0).detect(candles, trades=trades)
    assert (alone.scored, alone.traded) == (None, None)
    np.testing.assert_array_equal(alone.alarm, RULE.detect(candles).alarm)


@EXAMPLES
@given(markets(most=2), st.integers(0, 100))
def test_trades_change_alarms_only_where_a_score_decided(candles, seed):
    trades = [random_trades(candles, row, seed) for row in range(len(candles.symbols))]
    without, informed = RULE.detect(candles), RULE.detect(candles, trades=trades)
    changed = without.alarm != informed.alarm
    assert not (changed & ~without.scored).any()
    np.testing.assert_array_equal(without.scored, informed.scored)
