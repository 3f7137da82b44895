"""One event per pump: its facts, its at most three signals, the moment of each step."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch.domain.detection.events import EventRules, SymbolView, advance
from pumpwatch.domain.detection.signals import Phase, PumpEvent, Signal, event_id_for, signal_id_for
from pumpwatch.domain.moments import MINUTE

START = 28_000_000 * MINUTE
RULES = EventRules()
EVENT_ID = event_id_for("AUSDT", "ewma", START + MINUTE)
HOLE = (float("nan"), float("nan"))


def at(minutes):
    return START + int(minutes * MINUTE)


def view(*candles, forming=False, alarms=(1,)):
    """Return a view of (high, close) candles whose strength is 50 + column and jump column / 10."""
    count = len(candles)
    values = np.array(candles, dtype=float).reshape(count, 2)
    columns = np.arange(count)
    return SymbolView(
        "AUSDT", MINUTE, START + MINUTE * columns, values[:, 0], values[:, 1], values[:, 1],
        np.isin(columns, alarms), 50.0 + columns, columns / 10, forming,
    )  # fmt: skip


def scan(event, seen, minutes, rules=RULES):
    return advance(event, seen, at(minutes), "ewma", rules)


def phases(signals):
    return [signal.phase for signal in signals]


def rising(**changes):
    facts = {
        "event_id": EVENT_ID,
        "symbol": "AUSDT",
        "detector": "ewma",
        "phase": Phase.RISING,
        "alarm_candle": at(1),
        "alarm_time": at(2),
        "alarm_price": 119.0,
        "base_price": 100.0,
        "peak_price": 120.0,
        "peak_time": at(1),
        "last_price": 119.0,
        "strength": 51.0,
        "jump": 0.1,
        "updated": at(2.5),
        "phase_since": at(2.5),
    }
    return PumpEvent(**{**facts, **changes})


def test_a_new_event_holds_the_facts_of_its_alarm():
    event, signals = scan(None, view((100, 100), (120, 119), (120.5, 120)), 2.5)
    assert event == rising(peak_price=120.5, peak_time=at(2), last_price=120.0)
    assert signals == [
        Signal(
            signal_id=signal_id_for(EVENT_ID, Phase.RISING),
            event_id=EVENT_ID,
            symbol="AUSDT",
            phase=Phase.RISING,
            time=at(2.5),
            price=119.0,
            base_price=100.0,
            peak_price=120.0,
            strength=51.0,
            jump=0.1,
            detector="ewma",
            alarm_time=event.alarm_time,
        )
    ]


def test_a_calm_symbol_and_an_alarm_without_an_earlier_close_start_no_event():
    assert scan(None, view((100, 100), (101, 100), alarms=()), 2) == (None, [])
    first = view((120, 119), alarms=(0,))
    assert scan(None, first, 1) == (None, [])
    assert scan(None, replace(first, close_before=99.0), 1)[0].base_price == 99


def test_an_alarm_on_the_forming_candle_is_dated_at_the_scan():
    event, _ = scan(None, view((100, 100), (120, 119), forming=True), 1.4)
    assert event.alarm_time == at(1.4)


def test_a_scan_without_a_new_phase_keeps_the_time_of_the_last_one():
    event, signals = scan(rising(), view((100, 100), (120, 119), (125, 124)), 3)
    assert not signals
    assert event == rising(
        peak_price=125.0, peak_time=at(2), last_price=124.0, updated=at(3), phase_since=at(2.5)
    )


def test_a_new_phase_and_its_signal_have_the_time_and_the_price_of_the_scan():
    event, (signal,) = scan(rising(), view((100, 100), (120, 119), (119, 113)), 3)
    assert event == rising(phase=Phase.PEAKED, last_price=113.0, updated=at(3), phase_since=at(3))
    assert (signal.phase, signal.price, signal.time) == (Phase.PEAKED, 113.0, at(3))
    assert signal.signal_id == signal_id_for(EVENT_ID, Phase.PEAKED)


@pytest.mark.parametrize(
    ("close", "phase"),
    [
        (114.01, Phase.RISING),
        (114.0, Phase.PEAKED),
        (110.01, Phase.PEAKED),
        (110.0, Phase.FADING),
        (104.01, Phase.FADING),
        (104.0, Phase.OVER),
    ],
)
def test_a_phase_begins_when_exactly_its_share_is_given_back(close, phase):
    event, _ = scan(None, view((100, 100), (120, close), forming=True), 1.5)
    assert event.phase is phase


def test_a_price_at_its_base_has_given_everything_back():
    event, _ = scan(None, view((100, 100), (100, 100), forming=True), 1.5)
    assert event.phase is Phase.OVER


def test_an_alarm_is_too_old_one_moment_after_its_age():
    seen = view((100, 100), (120, 119))
    assert advance(None, seen, at(2) + RULES.alarm_age, "ewma", RULES)[0] is not None
    assert advance(None, seen, at(2) + RULES.alarm_age + 1, "ewma", RULES) == (None, [])


def test_an_event_ends_at_its_time_limit_and_not_before():
    seen = view((100, 100), (120, 119))
    early, _ = advance(rising(), seen, at(62) - 1, "ewma", RULES)
    assert early.phase is Phase.RISING
    late, signals = advance(rising(), seen, at(62), "ewma", RULES)
    assert late.phase is Phase.OVER
    assert phases(signals) == [Phase.PEAKED, Phase.OVER]


def test_an_event_is_over_after_its_time_limit_even_without_candles():
    event, signals = scan(rising(), view(alarms=()), 62)
    assert (phases(signals), event.phase) == ([Phase.PEAKED, Phase.OVER], Phase.OVER)


def test_an_event_fades_without_a_signal_and_is_over_once():
    candles = [(100, 100), (120, 119), (120, 109), (109, 103)]
    event, signals = scan(rising(), view(*candles[:3]), 3)
    assert (phases(signals), event.phase) == ([Phase.PEAKED], Phase.FADING)
    event, signals = scan(event, view(*candles), 4)
    assert (phases(signals), event.phase) == ([Phase.OVER], Phase.OVER)
    assert scan(event, view(*candles), 5) == (event, [])


@pytest.mark.parametrize(
    ("candle", "passed"),
    [
        ((120, 112), [Phase.RISING, Phase.PEAKED]),
        ((99, 98), [Phase.RISING, Phase.PEAKED, Phase.OVER]),
    ],
)
def test_a_candle_that_closed_far_below_its_high_gives_its_signals_in_order(candle, passed):
    event, signals = scan(None, view((100, 100), candle), 2)
    assert (phases(signals), event.phase) == (passed, passed[-1])


def test_the_cooldown_counts_from_the_end_of_the_event():
    over = rising(phase=Phase.OVER, phase_since=at(10))
    nothing = view((100, 100), alarms=())
    assert advance(over, nothing, at(40) - 1, "ewma", RULES) == (over, [])
    assert advance(over, nothing, at(40), "ewma", RULES) == (None, [])


def test_only_an_alarm_that_ends_after_the_cooldown_starts_an_event():
    candles = [(100, 100)] * 40
    over = rising(phase=Phase.OVER, phase_since=at(9))
    at_the_end = view(*candles[:39], (120, 119), alarms=(38,))
    assert scan(over, at_the_end, 39.5)[0] is None
    after = view(*candles[:39], (120, 119), alarms=(38, 39))
    event, _ = scan(over, after, 40)
    assert event.alarm_candle == at(39)


def test_of_several_alarms_the_first_fresh_one_starts_the_event():
    event, _ = scan(None, view((100, 100), (120, 119), (130, 129), alarms=(1, 2)), 3)
    assert (event.alarm_candle, event.base_price) == (at(1), 100.0)


def test_the_base_is_the_last_known_close_before_the_alarm():
    event, _ = scan(None, view((90, 90), (95, 95), HOLE, (120, 119), alarms=(3,)), 4)
    assert (event.base_price, event.alarm_candle) == (95.0, at(3))


def test_candles_before_the_alarm_do_not_count():
    event, _ = scan(None, view((500, 100), (120, 119)), 2)
    assert (event.peak_price, event.phase) == (120.0, Phase.RISING)


def test_an_equal_high_is_no_new_high():
    event, _ = scan(rising(), view((100, 100), (120, 119), (120, 119.5)), 3)
    assert (event.phase, event.peak_time) == (Phase.PEAKED, at(1))


def test_a_forming_candle_is_no_candle_without_a_high_and_its_price_counts():
    still = view((100, 100), (120, 119), (119, 118), forming=True)
    assert scan(rising(), still, 2.5)[1] == []
    fallen = view((100, 100), (120, 119), (119, 113), forming=True)
    assert phases(scan(rising(), fallen, 2.5)[1]) == [Phase.PEAKED]


def test_a_higher_peak_later_does_not_change_what_earlier_candles_gave_back():
    event, signals = scan(rising(), view((100, 100), (110, 109), (140, 139)), 3)
    assert not signals
    assert (event.phase, event.peak_price, event.peak_time) == (Phase.RISING, 140, at(2))


def test_candles_without_a_high_must_follow_each_other():
    patient = EventRules(candles_without_high=2)
    candles = [(100, 100), (120, 119), (119, 118.5), (121, 120), (120, 119.5)]
    event, _ = scan(rising(), view(*candles), 5, patient)
    assert event.phase is Phase.RISING
    event, _ = scan(rising(), view(*candles, (120, 119.5)), 6, patient)
    assert event.phase is Phase.PEAKED


def test_a_candle_that_lost_its_price_is_stepped_over():
    half = (119.0, float("nan"))
    event, _ = scan(rising(), view((100, 100), (120, 119), half, (121, 120)), 4)
    assert (event.phase, event.last_price, event.peak_price) == (Phase.RISING, 120.0, 121.0)
    half = (float("nan"), 119.0)
    event, _ = scan(rising(), view((100, 100), (120, 119), half), 3)
    assert (event.phase, event.last_price) == (Phase.RISING, 119.0)


def test_a_peak_that_fell_out_of_the_history_is_remembered():
    event, _ = scan(rising(peak_price=150.0, peak_time=at(0.5)), view((100, 100), (120, 119)), 2)
    assert (event.peak_price, event.peak_time) == (150.0, at(0.5))
    without = view((100, 100), alarms=())
    event, _ = scan(rising(), without, 3)
    assert (event.peak_price, event.peak_time, event.last_price) == (120.0, at(1), 119.0)


def test_ids_are_hashes_of_the_facts_alone():
    assert event_id_for("AUSDT", "ewma", at(1)) == EVENT_ID
    assert len(EVENT_ID) == len(signal_id_for(EVENT_ID, Phase.OVER)) == 24
    other = {
        event_id_for("BUSDT", "ewma", at(1)),
        event_id_for("AUSDT", "boosted", at(1)),
        event_id_for("AUSDT", "ewma", at(2)),
    }
    signals = {signal_id_for(EVENT_ID, phase) for phase in Phase}
    assert len(other | signals | {EVENT_ID}) == 3 + len(Phase) + 1


prices = st.floats(50, 200)


@settings(max_examples=150, deadline=None)
@given(
    path=st.lists(st.tuples(prices, prices, st.booleans()), min_size=2, max_size=90),
    alarm=st.integers(1, 5),
    scans=st.lists(st.integers(0, 3), min_size=1, max_size=60),
    data=st.data(),
)
def test_any_path_and_any_rhythm_of_scans_gives_at_most_three_signals_once_each(
    path, alarm, scans, data
):
    candles = [(max(one, two), min(one, two)) for one, two, _ in path]
    for n, (_, _, unknown) in enumerate(path):
        candles[n] = HOLE if unknown and n not in (0, alarm) else candles[n]
    event, seen, minute = None, [], 2
    order = list(Phase)
    for wait in scans:
        minute = min(minute + wait, len(candles))
        forming = data.draw(st.booleans())
        shown = view(*candles[:minute], forming=forming, alarms=(alarm,))
        before = event
        event, signals = scan(event, shown, minute - 0.5 if forming else minute)
        if before is not None and event is not None and before.event_id == event.event_id:
            assert order.index(event.phase) >= order.index(before.phase)
            assert event.peak_price >= before.peak_price
        again, repeated = scan(before, shown, minute - 0.5 if forming else minute)
        assert [one.signal_id for one in repeated] == [one.signal_id for one in signals]
        assert again == event
        seen += signals
    ids = [signal.signal_id for signal in seen]
    assert len(ids) == len(set(ids)) <= 3
    assert phases(seen) == [phase for phase in order if phase in phases(seen)]
    assert Phase.FADING not in phases(seen)
