"""The fast rule equals its slow reference, never looks ahead, and knows no amounts and no days."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import slow_bursts as reference
from support.backtests import DATA, needs_data
from support.random_looks import moved, quiet_candles, random_look, scaled, snapshots

from pumpwatch.domain.detection.burst_rule import step_of
from pumpwatch.domain.detection.burst_traits import BURST_TRAITS, burst_traits, clock_traits
from pumpwatch.domain.detection.bursts import Look
from pumpwatch.domain.detection.model import stored_model
from pumpwatch.domain.market.ring import Ring
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import HOUR, MINUTE, SECOND
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.evaluation.looks import looks

EXAMPLES = settings(max_examples=15, deadline=None)
DAYS = 24 * HOUR
INTERVALS = (SECOND, 5 * SECOND, 7 * SECOND, 15 * SECOND, 30 * SECOND)
CROWDS = (
    {},
    {"count": 1300, "age": 9 * SECOND},
    {"count": 1500, "age": SECOND},
    {"count": 5, "age": 3 * SECOND},
    {"count": 900, "age": 50 * SECOND, "bought": 0.5},
    {"count": 40, "bought": 0.0},
    {"count": 40, "bought": 1.0},
)


def seeds():
    return st.integers(0, 2**32)


class Example(tuple):
    """A look and the interval of its scans, shown in a few words."""

    __slots__ = ()

    def __repr__(self):
        return f"look at {self[0].time}, scans {self[1]} ms apart"


@st.composite
def bursting(draw, gaps=(0.0, 0.02)):
    """Return a look at a burst and the interval of its scans."""
    interval = draw(st.sampled_from(INTERVALS))
    crowd, share = draw(st.sampled_from(CROWDS)), draw(st.sampled_from(gaps))
    return Example((random_look(draw(seeds()), interval=interval, gaps=share, **crowd), interval))


def same_as_the_reference(look, interval):
    """Assert that fast and slow rule say the same; return whether it is a burst."""
    rule = stored_model().burst_rule(interval)
    step = step_of(interval)
    fast, slow = burst_traits(look, step), reference.burst_traits_of(look, step // SECOND)
    verdict, judged = rule.judge(look), reference.judge(look, rule)
    assert (fast is None) == (slow is None) == (verdict is None) == (judged is None)
    if fast is None:
        return False
    np.testing.assert_allclose(fast[0], slow[0], rtol=1e-9, atol=1e-9)
    assert fast[1] == slow[1]
    assert verdict.alarm == judged[0]
    assert verdict.margin == pytest.approx(judged[1], abs=1e-9)
    return True


def equal(one, other):
    np.testing.assert_array_equal(one[0], other[0])
    assert one[1] == other[1]


@EXAMPLES
@given(bursting())
def test_a_look_equals_its_slow_reference(example):
    same_as_the_reference(*example)


@pytest.mark.parametrize("interval", INTERVALS)
def test_the_looks_above_are_bursts_that_alarm_and_that_do_not(interval):
    rule = stored_model().burst_rule(interval)
    some = [random_look(seed, interval=interval, **crowd) for seed in (1, 2) for crowd in CROWDS]
    verdicts = [rule.judge(look) for look in some]
    known = [verdict.alarm for verdict in verdicts if verdict is not None]
    assert len(known) > len(some) // 2
    assert 0 < sum(known) < len(known)


@needs_data
@pytest.mark.parametrize("interval", [5 * SECOND, 15 * SECOND])
def test_recorded_looks_equal_their_slow_reference(interval):
    recorded = RecordedFolder(DATA)
    wanted = sorted(recorded.segments)[:2]
    events = {event.segment: event.onset for event in recorded.pumps()}
    trades = recorded.trades()
    judged = 0
    for recording in recorded.candles():
        number = recording.row.number
        if number not in wanted:
            continue
        time, price, quantity, bought = (column.to_numpy() for column in trades[number])
        seen = MarketTrades(time, bought, price, quantity)
        segment = Segment(
            number, recording.row.start, recording.row.end, symbol=recording.row.symbol,
            candles=recording.on_grid(), trades=seen.between(events[number] - HOUR, time[-1]),
        )  # fmt: skip
        begin = events[number] - MINUTE
        for look in looks(segment, interval, 0, begin):
            if look.time > begin + 3 * MINUTE:
                break
            judged += same_as_the_reference(look, interval)
        if number == wanted[-1]:
            break
    assert judged > 5


@EXAMPLES
@given(bursting(), seeds())
def test_what_comes_after_the_scan_changes_nothing(example, seed):
    look, interval = example
    random = np.random.default_rng(seed)
    more = np.sort(look.time + random.integers(0, MINUTE, 30))
    trades = look.trades
    later = MarketTrades(
        np.append(trades.time, more),
        np.append(trades.bought, random.random(30) < 0.5),
        np.append(trades.price, random.lognormal(3, 1, 30)),
        np.append(trades.quantity, random.lognormal(3, 1, 30)),
        trades.since,
    )
    count = look.candles.shape[1]
    candles = look.candles.regrid(first=int(look.candles.open_time[0]), count=count + 3)
    for name in ("open", "high", "low", "close", "volume", "turnover"):
        getattr(candles, name)[0, count - 1 :] = random.lognormal(3, 1, 4)
    step = step_of(interval)
    before = burst_traits(look, step)
    after = burst_traits(Look(look.time, look.ring, candles, later), step)
    assert (before is None) == (after is None)
    if before is not None:
        equal(before, after)


@EXAMPLES
@given(bursting(), st.integers(-3000, 3000), st.integers(0, 59))
def test_only_the_clocks_traits_know_the_time_of_day(example, days, minutes):
    look, interval = example
    step = step_of(interval)
    here = burst_traits(look, step)
    if here is None:
        return
    for by in (minutes * MINUTE, days * DAYS, days * HOUR):
        there = burst_traits(moved(look, by), step)
        np.testing.assert_array_equal(here[0], there[0])
        assert there[1] == here[1] + by
        if by % HOUR == 0:
            np.testing.assert_array_equal(clock_traits(here[1]), clock_traits(there[1]))


@EXAMPLES
@given(bursting(gaps=(0.0,)), seeds())
def test_the_place_in_the_history_does_not_matter(example, seed):
    look, interval = example
    step = step_of(interval)
    here = burst_traits(look, step)
    if here is None:
        return
    random = np.random.default_rng(seed)
    early = look.candles.between(int(random.integers(1, 50)), look.candles.shape[1])
    base = 2.0 ** random.integers(0, 10)
    ring = replace(look.ring, flow=look.ring.flow + base)
    longer = quiet_candles(random, int(look.candles.open_time[0]), count=100)
    joined = longer.regrid(first=int(longer.open_time[0]), count=100 + look.candles.shape[1])
    for name in ("open", "high", "low", "close", "volume", "turnover"):
        getattr(joined, name)[0, 100:] = getattr(look.candles, name)[0]
    for candles in (early, joined):
        equal(here, burst_traits(replace(look, candles=candles), step))
    there = burst_traits(replace(look, ring=ring), step)
    np.testing.assert_allclose(here[0], there[0], rtol=1e-9, atol=1e-9)


@EXAMPLES
@given(bursting(), st.integers(-30, 30), st.integers(-30, 30))
def test_the_currency_does_not_matter(example, worth, size):
    look, interval = example
    step = step_of(interval)
    here, there = (burst_traits(some, step) for some in (look, scaled(look, 2.0**worth, 2.0**size)))
    assert (here is None) == (there is None)
    if here is not None:
        np.testing.assert_allclose(here[0], there[0], rtol=1e-9, atol=1e-12)
        assert here[1] == there[1]


def test_snapshots_each_second_and_each_five_give_the_same_look():
    judged = 0
    for seed in range(6):
        every_second, fifth = (random_look(seed, interval=i) for i in (SECOND, 5 * SECOND))
        one, other = (burst_traits(look) for look in (every_second, fifth))
        assert (one is None) == (other is None)
        if one is not None:
            equal(one, other)
            judged += 1
    assert judged > 3


@EXAMPLES
@given(seeds(), st.sampled_from(CROWDS))
def test_snapshots_some_hundred_milliseconds_off_change_little(seed, crowd):
    look = random_look(seed, **crowd)
    even = burst_traits(look)
    off = np.random.default_rng(seed).integers(-400, 400, len(look.ring.time))
    off[-1] = 0
    late = replace(look, ring=snapshots(look.trades, look.time, times=look.ring.time + off))
    uneven = burst_traits(late)
    if even is None or uneven is None:
        return
    trades = slice(BURST_TRAITS.index("trades over the rate before"), None)
    np.testing.assert_array_equal(even[0][trades], uneven[0][trades])
    for name in ("turnover of 5 s over the mean minute", "turnover of 60 s over the mean minute"):
        place = BURST_TRAITS.index(name)
        assert uneven[0][place] == pytest.approx(even[0][place], abs=0.2)


@st.composite
def odd_looks(draw):
    """Return looks as no market should give them."""
    look, interval = draw(bursting())
    random = np.random.default_rng(draw(seeds()))
    ring, trades, candles = look.ring, look.trades, look.candles
    last, flow, time = ring.last.copy(), ring.flow.copy(), ring.time
    count = len(trades.time)
    match draw(st.integers(0, 11)):
        case 0:
            cut = draw(st.integers(0, len(time)))
            time, last, flow = time[cut:], last[:, cut:], flow[:, cut:]
        case 1:
            unknown = random.random(len(time)) < draw(st.sampled_from([0.1, 1.0]))
            last[0, unknown] = flow[0, unknown] = np.nan
        case 2:
            flow[:] = flow[0, 0]
        case 3:  # The ring lags: it has not seen the burst.
            flow = np.minimum(flow, flow[0, -min(len(time), 4)])
        case 4:
            last[:] = 10.0
        case 5:
            trades = trades.between(look.time - draw(st.integers(0, 2)), look.time)
        case 6:
            trades = replace(trades, since=look.time - draw(st.integers(0, 70 * SECOND)))
        case 7:
            trades = replace(trades, price=np.full(count, 10.0), quantity=np.ones(count))
        case 8:
            same = np.full(count, look.time - draw(st.integers(0, 2)))
            trades = replace(trades, time=same)
        case 9:
            candles = replace(candles, turnover=np.zeros_like(candles.turnover))
        case 10:
            candles = candles.between(0, draw(st.integers(0, candles.shape[1])))
        case _:
            busy = np.zeros_like(candles.turnover)
            busy[0, -draw(st.integers(1, 100))] = 1e-9
            candles = replace(candles, turnover=busy)
    return Example((Look(look.time, Ring(time, last, flow), candles, trades), interval))


@settings(max_examples=80, deadline=None)
@given(odd_looks())
def test_no_look_breaks_the_scan_and_every_trait_is_a_number_or_not_known(example):
    look, interval = example
    verdict = stored_model().burst_rule(interval).judge(look)
    traits = burst_traits(look, step_of(interval))
    assert (verdict is None) == (traits is None)
    same_as_the_reference(look, interval)
    if traits is not None:
        assert not np.isinf(traits[0]).any()
        assert np.isfinite([verdict.margin, verdict.strength, verdict.jump]).all()


def test_a_ring_that_lags_behind_the_trades_takes_no_turnover_away():
    look = random_look(3, count=1300, age=12 * SECOND)
    flow = np.minimum(look.ring.flow, look.ring.flow[0, -4] + 30.0)
    flow[0, : len(look.ring.time) // 2] -= 20.0
    lagging = replace(look, ring=replace(look.ring, flow=flow))
    shares = [BURST_TRAITS.index(f"share of {a} s in {b} s") for a, b in ((10, 30), (30, 60))]
    places = [*shares, BURST_TRAITS.index("steps with turnover before")]
    assert burst_traits(lagging)[0][places].tolist() == [1.0, 1.0, np.log(0.1)]


def test_a_day_without_turnover_has_no_bursts():
    look = random_look(3)
    silent = replace(look.candles, turnover=np.zeros_like(look.candles.turnover))
    assert burst_traits(look) is not None
    assert burst_traits(replace(look, candles=silent)) is None
