"""The fast rules equal their slow references, remember rightly, and never look ahead."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.kamps_kleinberg import kamps_kleinberg
from support.random_candles import random_candles

from benchmarks.reference import rules as reference
from pumpwatch.domain.detection import chunks
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch_workbench.research.evaluation.kamps_kleinberg import KampsKleinberg

EXAMPLES = settings(max_examples=60, deadline=None)


@st.composite
def markets(draw, *, most=130):
    constant = draw(st.sampled_from([False, False, False, True]))
    # Of a huge constant turnover the variance is nothing but rounding, in either version.
    scales = [1e3, 1e-3] if constant else [1e3, 1e3, 1e3, 1e-3, 1e8]
    return random_candles(
        draw(st.integers(0, 2**32)),
        draw(st.integers(1, 4)),
        draw(st.one_of(st.integers(1, most), st.just(most))),
        gaps=draw(st.sampled_from([0.0, 0.0, 0.1, 0.9])),
        zeros=draw(st.sampled_from([0.0, 0.0, 0.3, 1.0])),
        late=draw(st.booleans()),
        constant=constant,
        fading=draw(st.sampled_from([0.0, 0.0, 0.05])),
        scale=draw(st.sampled_from(scales)),
    )


ewmas = st.builds(
    Ewma,
    span=st.integers(2, 300),
    turnover_z=st.floats(0.5, 20),
    jump=st.floats(0.001, 0.05),
    epsilon=st.sampled_from([1e-6, 0.1]),
    warm_up=st.integers(1, 40),
)
karbalaiis = st.builds(
    Karbalaii,
    price_rise=st.floats(0.005, 0.1),
    volume_rise=st.floats(0, 4),
    ewma_share=st.floats(0.1, 1),
    sigmas=st.floats(0, 2),
    maximum_share=st.floats(0.05, 0.9),
    price_hours=st.integers(2, 30),
    ewma_hours=st.integers(2, 500),
    sigma_hours=st.integers(2, 40),
    maximum_hours=st.integers(49, 80),
)
kamps_kleinbergs = st.builds(
    KampsKleinberg,
    hours=st.integers(5, 30),
    price_factor=st.floats(1.005, 1.1),
    volume_factor=st.floats(0.5, 4.5),
)
rules = st.one_of(ewmas, karbalaiis, kamps_kleinbergs)

REFERENCES = {
    "ewma": reference.ewma,
    "karbalaii": reference.karbalaii,
    "kamps-kleinberg": kamps_kleinberg,
}


def limits_of(rule):
    """Return the limits of (strength, jump) an alarm needs."""
    if rule.name == "ewma":
        return rule.turnover_z, rule.jump
    if rule.name == "karbalaii":
        return 1.0, rule.price_rise
    return rule.volume_factor, rule.price_factor - 1


def same(fast, slow, allowed):
    if math.isnan(slow) or math.isinf(slow):
        return fast == slow or (math.isnan(fast) and math.isnan(slow))
    return math.isclose(fast, slow, rel_tol=1e-9, abs_tol=allowed)


def assert_equals_reference(rule, candles):
    found = rule.detect(candles)
    # A z-score near zero is a difference of equal numbers: its error is that of the turnover.
    turnover = np.nan_to_num(candles.turnover).max(initial=0.0)
    allowed = max(1e-12, 1e-13 * turnover / rule.epsilon) if rule.name == "ewma" else 1e-12
    strength_limit, jump_limit = limits_of(rule)
    for symbol in range(len(candles.symbols)):
        expected = REFERENCES[rule.name](reference.rows_of(candles, symbol), rule)
        for index, slow in enumerate(expected):
            fast = (
                bool(found.alarm[symbol, index]),
                float(found.strength[symbol, index]),
                float(found.jump[symbol, index]),
            )
            alarm, strength, jump = slow or (False, math.nan, math.nan)
            assert same(fast[1], strength, allowed), (index, fast, slow)
            assert same(fast[2], jump, 1e-12), (index, fast, slow)
            on_the_line = math.isclose(strength, strength_limit, rel_tol=1e-9) or math.isclose(
                jump, jump_limit, rel_tol=1e-9, abs_tol=1e-12
            )
            assert fast[0] == alarm or on_the_line, (index, fast, slow)


@EXAMPLES
@given(markets(), rules)
def test_fast_rule_equals_its_slow_reference(candles, rule):
    assert_equals_reference(rule, candles)


@EXAMPLES
@given(markets(most=60), rules, st.integers(1, 64))
def test_result_does_not_depend_on_how_symbols_are_cut_into_chunks(candles, rule, size):
    whole = rule.detect(candles)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunks, "CHUNK", size)
        cut = rule.detect(candles)
    np.testing.assert_array_equal(whole.alarm, cut.alarm)
    np.testing.assert_array_equal(whole.strength, cut.strength)
    np.testing.assert_array_equal(whole.jump, cut.jump)


@EXAMPLES
@given(markets(), rules, st.data())
def test_cutting_off_the_future_never_changes_the_past(candles, rule, data):
    cut = data.draw(st.integers(0, candles.shape[1]))
    whole, past = rule.detect(candles), rule.detect(candles.between(0, cut))
    np.testing.assert_array_equal(whole.alarm[:, :cut], past.alarm)
    np.testing.assert_allclose(whole.strength[:, :cut], past.strength, rtol=1e-12)
    np.testing.assert_allclose(whole.jump[:, :cut], past.jump, rtol=1e-12)


@EXAMPLES
@given(markets(), ewmas, st.data())
def test_memory_continues_the_ewma_where_the_earlier_candles_ended(candles, rule, data):
    cut = data.draw(st.integers(0, candles.shape[1]))
    count = candles.shape[1]
    memory = rule.advance(candles.between(0, cut))
    whole, rest = rule.detect(candles), rule.detect(candles.between(cut, count), memory)
    allowed = 1e-13 * np.nan_to_num(candles.turnover).max(initial=0.0) / rule.epsilon
    np.testing.assert_allclose(whole.strength[:, cut:], rest.strength, rtol=1e-9, atol=allowed)
    np.testing.assert_array_equal(whole.jump[:, cut:], rest.jump)
    one_go, two_steps = rule.advance(candles), rule.advance(candles.between(cut, count), memory)
    np.testing.assert_array_equal(one_go.count, two_steps.count)
    np.testing.assert_array_equal(one_go.close, two_steps.close)
    np.testing.assert_allclose(one_go.mean, two_steps.mean, rtol=1e-9)
    np.testing.assert_allclose(one_go.variance, two_steps.variance, rtol=1e-9, atol=allowed)


@EXAMPLES
@given(markets(), karbalaiis, st.data())
def test_windows_that_reach_back_far_enough_give_the_same_as_all_candles(candles, rule, data):
    cut = data.draw(st.integers(0, candles.shape[1]))
    known = np.cumsum(~np.isnan(candles.close), axis=1)
    memory = rule.advance(candles.between(0, cut))
    whole = rule.detect(candles)
    rest = rule.detect(candles.between(cut, candles.shape[1]), memory)
    before = known[:, cut - 1 : cut] if cut else np.zeros((len(candles.symbols), 1))
    full = known[:, cut:] - before > rule.window
    np.testing.assert_array_equal(whole.alarm[:, cut:][full], rest.alarm[full])
    np.testing.assert_allclose(whole.strength[:, cut:][full], rest.strength[full], rtol=1e-9)


@EXAMPLES
@given(markets(most=60), st.one_of(ewmas, karbalaiis), st.data())
def test_alarm_of_a_forming_candle_stays_in_the_finished_one(candles, rule, data):
    assert rule.monotone
    forming = candles.merged({})
    share = data.draw(st.floats(0, 1))
    for name in ("volume", "turnover"):
        getattr(forming, name)[:, -1] *= share
    low, high = forming.low[:, -1], forming.high[:, -1]
    forming.high[:, -1] = low + (high - low) * data.draw(st.floats(0, 1))
    forming.close[:, -1] = low
    early, final = rule.detect(forming).alarm[:, -1], rule.detect(candles).alarm[:, -1]
    assert (final | ~early).all()


def test_long_series_after_a_huge_start_keeps_its_precision():
    count = 120_000
    candles = random_candles(5, 1, count, scale=10.0)
    candles.turnover[0, :50] *= 1e9
    rule = Ewma(span=200, warm_up=100)
    found = rule.detect(candles)
    expected = reference.ewma(reference.rows_of(candles, 0), rule)
    slow = np.array([one[1] for one in expected])
    assert np.isfinite(found.strength).all()
    np.testing.assert_allclose(found.strength[0, 5000:], slow[5000:], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rules_of_a_kind", [ewmas, karbalaiis], ids=["ewma", "karbalaii"])
@settings(max_examples=60, deadline=None)
@given(markets(), st.data())
def test_no_alarm_undercuts_what_the_memory_says_it_needs(rules_of_a_kind, candles, data):
    rule = data.draw(rules_of_a_kind)
    cut = data.draw(st.integers(0, candles.shape[1] // 2))
    memory = rule.advance(candles.between(0, cut))
    alarms = rule.detect(candles).alarm
    flow = getattr(candles, rule.flow)
    low = np.full(len(candles.symbols), np.inf)
    for column in range(cut, candles.shape[1]):
        low = np.fmin(low, candles.low[:, column])
        unseen = np.full(len(candles.symbols), column - cut)
        needed_flow, needed_high = rule.needs(memory, unseen, low)
        alarm = alarms[:, column]
        enough = (flow[:, column] * (1 + 1e-9) >= needed_flow) | np.isnan(needed_flow)
        high_enough = (candles.high[:, column] * (1 + 1e-9) >= needed_high) | np.isnan(needed_high)
        assert (enough & high_enough)[alarm].all(), (column, cut)
