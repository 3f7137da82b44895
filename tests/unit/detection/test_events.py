"""One event per pump: its facts, its at most three signals, the moment of each step."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch.domain.detection.base import Carry, Detections
from pumpwatch.domain.detection.events import Alarm, EventRules, Price, advance, alarms_of_candles
from pumpwatch.domain.detection.signals import Phase, PumpEvent, Signal, event_id_for, signal_id_for
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.moments import MINUTE, SECOND

START = 28_000_000 * MINUTE
RULES = EventRules()
EVENT_ID = event_id_for("AUSDT", "boosted", START)
NAN = float("nan")


def at(seconds):
    return START + int(seconds * SECOND)


def alarm(seconds=5.0, **changes):
    facts = {
        "symbol": "AUSDT",
        "candle": START,
        "time": at(seconds),
        "price": 118.0,
        "base_price": 100.0,
        "peak_price": 120.0,
        "peak_time": at(seconds - 1),
        "strength": 200.0,
        "jump": 0.18,
    }
    return Alarm(**{**facts, **changes})


def rising(**changes):
    facts = {
        "event_id": EVENT_ID,
        "symbol": "AUSDT",
        "detector": "boosted",
        "phase": Phase.RISING,
        "alarm_candle": START,
        "alarm_time": at(5),
        "alarm_price": 118.0,
        "base_price": 100.0,
        "peak_price": 120.0,
        "peak_time": at(4),
        "last_price": 118.0,
        "strength": 200.0,
        "jump": 0.18,
        "updated": at(5),
        "phase_since": at(5),
    }
    return PumpEvent(**{**facts, **changes})


def scan(event, seconds, last=None, *, high=NAN, alarms=(), rules=RULES):
    price = None if last is None else Price(last, high)
    return advance(event, alarms, price, at(seconds), "boosted", rules)


def phases(signals):
    return [signal.phase for signal in signals]


def test_a_new_event_holds_the_facts_of_its_alarm():
    event, signals = scan(None, 5, 118.0, alarms=[alarm()])
    assert event == rising()
    assert signals == [
        Signal(
            signal_id=signal_id_for(EVENT_ID, Phase.RISING),
            event_id=EVENT_ID,
            symbol="AUSDT",
            phase=Phase.RISING,
            time=at(5),
            price=118.0,
            base_price=100.0,
            peak_price=120.0,
            strength=200.0,
            jump=0.18,
            detector="boosted",
            alarm_time=event.alarm_time,
        )
    ]


def test_a_price_without_an_alarm_starts_no_event():
    assert scan(None, 5, 118.0) == (None, [])


def test_a_scan_without_a_new_phase_keeps_the_time_of_the_last_one():
    event, signals = scan(rising(), 10, 121.0)
    assert not signals
    assert event == rising(peak_price=121.0, peak_time=at(10), last_price=121.0, updated=at(10))


def test_the_peak_between_two_scans_counts():
    event, _ = scan(rising(), 10, 119.0, high=130.0)
    assert (event.peak_price, event.peak_time, event.last_price) == (130.0, at(10), 119.0)
    event, _ = scan(event, 15, 118.0, high=129.0)
    assert (event.peak_price, event.peak_time) == (130.0, at(10))


def test_a_new_phase_and_its_signal_have_the_time_and_the_price_of_the_scan():
    event, (signal,) = scan(rising(), 70, 113.0)
    assert event == rising(phase=Phase.PEAKED, last_price=113.0, updated=at(70), phase_since=at(70))
    assert (signal.phase, signal.price, signal.time) == (Phase.PEAKED, 113.0, at(70))
    assert signal.signal_id == signal_id_for(EVENT_ID, Phase.PEAKED)


@pytest.mark.parametrize(
    ("last", "phase"),
    [
        (114.01, Phase.RISING),
        (114.0, Phase.PEAKED),
        (110.01, Phase.PEAKED),
        (110.0, Phase.FADING),
        (104.01, Phase.FADING),
        (104.0, Phase.OVER),
        (100.0, Phase.OVER),
        (90.0, Phase.OVER),
    ],
)
def test_a_phase_begins_when_exactly_its_share_is_given_back(last, phase):
    event = rising(peak_time=at(60))
    assert scan(event, 65, last)[0].phase is phase


@pytest.mark.parametrize("last", [113.0, 109.0, 103.0, 50.0])
def test_nothing_is_said_within_a_minute_of_the_alarm(last):
    event, signals = scan(rising(), 65 - 0.001, last)
    assert (event.phase, signals) == (Phase.RISING, [])
    event, signals = scan(event, 65, last)
    assert event.phase is not Phase.RISING
    assert len(signals) == 1


def test_an_event_has_peaked_when_no_new_high_was_made_for_a_minute():
    event = rising(peak_time=at(100))
    assert scan(event, 160 - 0.001, 119.0)[0].phase is Phase.RISING
    event, signals = scan(event, 160, 119.0)
    assert (event.phase, phases(signals)) == (Phase.PEAKED, [Phase.PEAKED])


def test_an_equal_high_is_no_new_high():
    event, _ = scan(rising(peak_time=at(100)), 160, 120.0)
    assert (event.phase, event.peak_time) == (Phase.PEAKED, at(100))


def test_a_new_high_does_not_take_a_phase_back():
    event, signals = scan(rising(phase=Phase.PEAKED), 80, 140.0)
    assert (event.phase, event.peak_price, signals) == (Phase.PEAKED, 140.0, [])


def test_a_price_that_is_missing_changes_nothing_until_the_time_is_up():
    event, signals = scan(rising(), 120)
    assert (event, signals) == (rising(updated=at(120)), [])
    event, signals = scan(rising(), 5 + 3600)
    assert (event.phase, phases(signals)) == (Phase.OVER, [Phase.OVER])
    assert event.last_price == 118.0


def test_an_event_ends_at_its_time_limit_and_not_before():
    still = {"peak_time": at(3600)}
    assert scan(rising(**still), 3605 - 0.001, 119.0)[0].phase is Phase.RISING
    assert scan(rising(**still), 3605, 119.0)[0].phase is Phase.OVER


def test_an_event_fades_as_peaked_and_is_over_once():
    event, signals = scan(rising(), 70, 109.0)
    assert (phases(signals), event.phase) == ([Phase.PEAKED], Phase.FADING)
    event, signals = scan(event, 75, 103.0)
    assert (phases(signals), event.phase) == ([Phase.OVER], Phase.OVER)
    assert scan(event, 80, 102.0) == (event, [])


def test_a_pump_that_rose_and_fell_between_two_scans_is_one_message():
    event, signals = scan(rising(), 70, 99.0)
    assert (phases(signals), event.phase) == ([Phase.OVER], Phase.OVER)
    old = alarm(-55)
    event, signals = scan(None, 5, 118.0, alarms=[old])
    assert (phases(signals), event.phase) == ([Phase.PEAKED], Phase.PEAKED)
    event, signals = scan(None, 5, 99.0, alarms=[old])
    assert (phases(signals), event.phase) == ([Phase.OVER], Phase.OVER)


def test_an_alarm_is_too_old_one_moment_after_its_age():
    limit = alarm().time + RULES.alarm_age
    assert advance(None, [alarm()], None, limit, "boosted", RULES)[0] is not None
    assert advance(None, [alarm()], None, limit + 1, "boosted", RULES) == (None, [])


def test_of_several_alarms_the_first_fresh_one_starts_the_event():
    several = [alarm(-400, candle=at(-420)), alarm(-10), alarm(0, price=1.0)]
    event, _ = scan(None, 5, 118.0, alarms=several)
    assert event.alarm_time == at(-10)


def test_the_cooldown_counts_from_the_end_of_the_event():
    over = rising(phase=Phase.OVER, phase_since=at(100))
    rearmed = 100 + 30 * 60
    fresh = [alarm(rearmed - 0.001)]
    assert scan(over, rearmed - 0.001, 118.0, alarms=fresh) == (over, [])
    assert scan(over, rearmed, 118.0, alarms=fresh) == (None, [])
    later = alarm(rearmed + 5, candle=START + 31 * MINUTE)
    event, signals = scan(over, rearmed + 5, 118.0, alarms=[later])
    assert (event.alarm_candle, phases(signals)) == (later.candle, [Phase.RISING])


def test_ids_are_hashes_of_the_facts_alone():
    assert event_id_for("AUSDT", "boosted", START) == EVENT_ID
    assert len(EVENT_ID) == len(signal_id_for(EVENT_ID, Phase.OVER)) == 24
    other = {
        event_id_for("BUSDT", "boosted", START),
        event_id_for("AUSDT", "ewma", START),
        event_id_for("AUSDT", "boosted", START + MINUTE),
    }
    signals = {signal_id_for(EVENT_ID, phase) for phase in Phase}
    assert len(other | signals | {EVENT_ID}) == 3 + len(Phase) + 1


def of_candles(*candles, alarms=(1,), close_before=NAN, now=None):
    """Return the alarms of (high, close) candles; strength is 50 + column, jump column / 10."""
    count = len(candles)
    grid = Candles.empty(["AUSDT"], interval=MINUTE, first=START, count=count)
    grid.high[0], grid.close[0] = np.array(candles).T
    marked = np.isin(np.arange(count), alarms)
    columns = np.arange(count)[None]
    detections = Detections(marked[None], 50.0 + columns, columns / 10)
    start = replace(Carry.none(1), close=np.array([close_before]))
    end = START + count * MINUTE if now is None else now
    return alarms_of_candles(grid, start, detections, 0, np.ones(count, dtype=bool), end)


def test_a_candle_that_alarmed_gives_its_facts():
    (found,) = of_candles((100, 100), (120, 119))
    assert found == Alarm(
        symbol="AUSDT", candle=START + MINUTE, time=START + 2 * MINUTE, price=119.0,
        base_price=100.0, peak_price=120.0, peak_time=START + 2 * MINUTE, strength=51.0, jump=0.1,
    )  # fmt: skip


def test_an_alarm_on_the_forming_candle_is_dated_at_the_scan():
    now = START + MINUTE + 20 * SECOND
    (found,) = of_candles((100, 100), (120, 119), now=now)
    assert (found.time, found.peak_time) == (now, now)


def test_the_base_is_the_last_known_close_before_the_alarm_and_there_must_be_such_a_close():
    hole = (NAN, NAN)
    (found,) = of_candles((90, 90), (95, 95), hole, (120, 119), alarms=(3,))
    assert found.base_price == 95.0
    assert of_candles((120, 119), alarms=(0,)) == []
    assert of_candles((120, 119), alarms=(0,), close_before=99.0)[0].base_price == 99.0


def test_what_followed_an_old_alarm_counts_for_its_peak():
    first, second = of_candles((100, 100), (120, 119), (NAN, NAN), (130, 125), alarms=(1, 3))
    assert (first.peak_price, first.peak_time) == (130.0, START + 4 * MINUTE)
    assert second.candle == START + 3 * MINUTE


prices = st.floats(50, 200)


@settings(max_examples=150, deadline=None)
@given(
    path=st.lists(
        st.tuples(st.integers(1, 900), st.one_of(st.none(), prices), prices), max_size=60
    ),
    begin=st.integers(0, 400),
)
def test_any_path_and_any_rhythm_of_scans_gives_at_most_three_signals_once_each(path, begin):
    order, seen = list(Phase), []
    event, now = None, begin
    for wait, last, high in [(0, 118.0, 119.0), *path]:
        now += wait
        before = event
        event, signals = scan(event, now, last, high=high, alarms=[alarm()])
        assert scan(before, now, last, high=high, alarms=[alarm()]) == (event, signals)
        if before is not None and event is not None:
            assert order.index(event.phase) >= order.index(before.phase)
            assert event.peak_price >= before.peak_price
        if event is not None and now < 65:
            assert event.phase is Phase.RISING
        assert len(signals) <= 1
        seen += signals
    ids = [signal.signal_id for signal in seen]
    assert len(ids) == len(set(ids)) <= 3
    assert phases(seen) == [phase for phase in order if phase in phases(seen)]
    assert Phase.FADING not in phases(seen)
