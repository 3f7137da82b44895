"""The screen drops no symbol on which the full rule could alarm, whatever the market, the scans and
the trades that come with the candles."""

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.random_candles import random_tape, reading_of

from pumpwatch.domain.detection.base import Carry
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.detection.screen import Past, recent_flows, screen
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.own.rules import OwnDetector
from pumpwatch.usecases.detect.state import DetectState

BEGIN = 1_700_000_000_000 // HOUR * HOUR

RULES = (
    Ewma(span=100, turnover_z=4.0, jump=0.01, epsilon=0.1, warm_up=60),
    Ewma(span=1440, turnover_z=10.0, jump=0.03, epsilon=0.1, warm_up=600),
    Karbalaii(
        price_rise=0.1, volume_rise=1.0, ewma_share=0.5, sigmas=0.5, maximum_share=0.8,
        maximum_hours=60,
    ),
    Boosted(burst=3.0, burst_z=1.5, margin=-9.0),
    OwnDetector("support.own_code:Always"),
)  # fmt: skip


@dataclass
class Tally:
    alarms: int = 0
    dropped: int = 0
    judged: int = 0


def hours_before(rule):
    return 27 if rule.interval == MINUTE else 70


def play(rule, seed, offsets, *, fill, step, tally):
    """Scan a random market; assert that every alarm not judged yet makes its symbol a candidate."""
    random = np.random.default_rng(seed)
    live = BEGIN + hours_before(rule) * HOUR
    end = live + 3 * HOUR
    tapes = [random_tape(seed + n, BEGIN, end, live) for n in range(2)]
    names = ["AUSDT", "BUSDT"]
    state = DetectState.empty(rule, "test")
    state.add(names, 10)
    through = live - random.integers(0, HOUR // rule.interval + 2, 2) * rule.interval
    past = history(rule, tapes, names, through, fill=fill)
    state.unjudged[:] = through
    for time in live + np.cumsum(offsets):
        if time >= end:
            break
        now = reading_of(tapes, int(time), rule.flow, step=step)
        if state.last is not None:
            assert_lossless(rule, past, state, tapes, now, fill=fill, tally=tally)
        state.unjudged[:] = int(time) // rule.interval * rule.interval
        state.looked(now, rule.interval)


def history(rule, tapes, names, through, *, fill):
    carries, flows, firsts = [], [], []
    for tape, name, end in zip(tapes, names, through, strict=True):
        known = tape.candles(name, BEGIN, int(end), rule.interval, fill=fill)
        carries.append(rule.advance(known))
        first, flow = recent_flows(rule, known, np.array([end]))
        firsts.append(first)
        flows.append(flow)
    carry = Carry.none(0, rule.extra)
    for one in carries:
        carry = carry.joined(one)
    return Past(carry, through.astype(np.int64), through, np.array(firsts), np.concatenate(flows))


def assert_lossless(rule, past, state, tapes, now, *, fill, tally):
    forming = now.time // rule.interval * rule.interval
    judged_from = Past(past.carry, past.through, state.unjudged, past.first_flow, past.flows)
    found = screen(rule, judged_from, state.looks, now)
    for row, tape in enumerate(tapes):
        seen = tape.until(now.time)
        candles = seen.candles("X", BEGIN, forming + rule.interval, rule.interval, fill=fill)
        alarm = could_alarm(rule.detect(candles))
        unjudged = candles.open_time >= max(state.unjudged[row], past.through[row])
        if not rule.monotone:
            unjudged[-1] = False
        tally.judged += 1
        tally.alarms += bool(alarm[unjudged].any())
        tally.dropped += not found.candidate[row]
        if alarm[unjudged].any():
            assert found.candidate[row], f"{rule.name} alarm dropped at {now.time}"


def could_alarm(found):
    """Return the alarms, and every candle on which the market's trades could make one."""
    return found.alarm[0] if found.scored is None else found.alarm[0] | found.scored[0]


def offsets_for(rule, gaps):
    unit = 1 if rule.interval == MINUTE else 20
    return [gap * unit for gap in gaps]


@settings(max_examples=80, deadline=None)
@given(
    rule=st.sampled_from(RULES),
    seed=st.integers(0, 2**32),
    gaps=st.lists(
        st.one_of(st.integers(1_000, 90_000), st.integers(1_000, 900_000)),
        min_size=2,
        max_size=30,
    ),
    fill=st.booleans(),
    step=st.sampled_from([1, 60_000]),
)
def test_screen_never_drops_a_symbol_that_alarms(rule, seed, gaps, fill, step):
    play(rule, seed, offsets_for(rule, gaps), fill=fill, step=step, tally=Tally())


def test_the_property_above_sees_alarms_and_dropped_symbols_of_every_rule():
    for rule in RULES:
        tally = Tally()
        for seed in range(5):
            gaps = offsets_for(rule, [60_000 + 7_000 * (n % 3) for n in range(45)])
            play(rule, seed, gaps, fill=True, step=1, tally=tally)
        assert tally.alarms >= 2, (rule, tally)
        assert tally.dropped >= 2, (rule, tally)
