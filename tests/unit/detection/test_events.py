"""One event per pump: its phases, its at most three signals, its cooldown."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch.domain.detection.events import EventRules, SymbolView, advance
from pumpwatch.domain.detection.signals import Phase, signal_id_for
from pumpwatch.domain.market.candles import MINUTE

RULES = EventRules()
START = 28_000_000 * MINUTE


def view(*candles, forming=False, alarms=(1,), first=0):
    """Return a view of (high, close) candles; `alarms` are the columns that alarm."""
    count = len(candles)
    values = np.array(candles, dtype=float).reshape(count, 2)
    flags = np.zeros(count, dtype=bool)
    flags[[column for column in alarms if column < count]] = True
    return SymbolView(
        symbol="AUSDT",
        interval=MINUTE,
        open_time=START + MINUTE * (first + np.arange(count)),
        high=values[:, 0],
        low=values[:, 1] * 0.99,
        close=values[:, 1],
        alarm=flags,
        strength=np.full(count, 50.0),
        jump=np.full(count, 0.2),
        forming=forming,
    )


def at(minutes):
    return START + int(minutes * MINUTE)


def step(event, seen, minutes):
    return advance(event, seen, at(minutes), "ewma", RULES)


def phases(signals):
    return [signal.phase for signal in signals]


def test_calm_symbol_has_no_event():
    assert step(None, view((100, 100), (101, 100), alarms=()), 2) == (None, [])


def test_alarm_starts_a_rising_event_and_its_signal():
    event, signals = step(None, view((100, 100), (120, 119)), 2.1)
    assert phases(signals) == [Phase.RISING]
    assert (event.phase, event.base_price, event.peak_price) == (Phase.RISING, 100, 120)
    assert event.alarm_time == at(2)
    assert event.alarm_candle == at(1)
    assert signals[0].time == at(2.1)
    assert signals[0].signal_id == signal_id_for(event.event_id, Phase.RISING)


def test_alarm_on_the_forming_candle_is_dated_at_the_scan():
    event, _ = step(None, view((100, 100), (120, 119), forming=True), 1.4)
    assert event.alarm_time == at(1.4)


def test_alarming_candle_that_closed_far_below_its_high_gives_both_signals_in_order():
    event, signals = step(None, view((100, 100), (120, 112)), 2)
    assert phases(signals) == [Phase.RISING, Phase.PEAKED]
    assert event.phase is Phase.PEAKED


def test_rise_that_makes_no_new_high_in_a_closed_candle_has_peaked():
    event, _ = step(None, view((100, 100), (120, 119)), 2)
    event, signals = step(event, view((100, 100), (120, 119), (121, 120)), 3)
    assert not signals
    event, signals = step(event, view((100, 100), (120, 119), (121, 120), (121, 118)), 4)
    assert phases(signals) == [Phase.PEAKED]


def test_more_candles_without_a_high_can_be_asked_for():
    patient = EventRules(candles_without_high=2)
    event, _ = advance(None, view((100, 100), (120, 119)), at(2), "ewma", patient)
    once = view((100, 100), (120, 119), (119, 118))
    event, signals = advance(event, once, at(3), "ewma", patient)
    assert not signals
    twice = view((100, 100), (120, 119), (119, 118), (119, 118))
    assert phases(advance(event, twice, at(4), "ewma", patient)[1]) == [Phase.PEAKED]


def test_live_price_that_fell_back_counts_but_a_forming_candle_is_no_candle_without_high():
    event, _ = step(None, view((100, 100), (120, 119)), 2)
    still = view((100, 100), (120, 119), (119, 118), forming=True)
    assert phases(step(event, still, 2.5)[1]) == []
    fallen = view((100, 100), (120, 119), (119, 113), forming=True)
    assert phases(step(event, fallen, 2.5)[1]) == [Phase.PEAKED]


def test_higher_peak_later_does_not_change_what_earlier_candles_gave_back():
    event, _ = step(None, view((100, 100), (110, 109)), 2)
    event, signals = step(event, view((100, 100), (110, 109), (140, 139)), 3)
    assert not signals
    assert (event.phase, event.peak_price, event.peak_time) == (Phase.RISING, 140, at(2))


def test_event_fades_without_a_signal_and_is_over_once():
    event, _ = step(None, view((100, 100), (120, 119)), 2)
    event, signals = step(event, view((100, 100), (120, 119), (120, 109)), 3)
    assert (phases(signals), event.phase) == ([Phase.PEAKED], Phase.FADING)
    event, signals = step(event, view((100, 100), (120, 119), (120, 109), (109, 103)), 4)
    assert (phases(signals), event.phase) == ([Phase.OVER], Phase.OVER)
    assert step(event, view((100, 100), (120, 119), (120, 109), (109, 103)), 5) == (event, [])


def test_event_is_over_after_the_time_limit_even_without_candles():
    event, _ = step(None, view((100, 100), (120, 119)), 2)
    event, signals = step(event, view(alarms=()), 62)
    assert (phases(signals), event.phase) == ([Phase.PEAKED, Phase.OVER], Phase.OVER)


def test_symbol_is_silent_while_it_cools_down_and_can_alarm_again_afterwards():
    event, _ = step(None, view((100, 100), (120, 100)), 2)
    assert event.phase is Phase.OVER
    again = view((100, 100), (120, 119), first=20)
    assert step(event, again, 22) == (event, [])
    assert step(event, view(alarms=()), 33) == (None, [])
    later = view((100, 100), (120, 119), first=40)
    second, signals = step(event, later, 42)
    assert phases(signals) == [Phase.RISING]
    assert second.event_id != event.event_id


def test_alarm_from_before_the_end_of_the_cooldown_does_not_start_a_second_event():
    event, _ = step(None, view((100, 100), (120, 100)), 2)
    during = view((100, 100), (120, 119), first=29)
    assert step(event, during, 32.5) == (None, [])


def test_old_alarm_starts_no_event():
    assert step(None, view((100, 100), (120, 119)), 9) == (None, [])


def test_unknown_candles_are_stepped_over():
    hole = (float("nan"), float("nan"))
    event, signals = step(None, view((100, 100), hole, (120, 119), hole, alarms=(2,)), 4)
    assert phases(signals) == [Phase.RISING]
    assert event.base_price == 100


def test_alarm_without_any_earlier_close_starts_no_event():
    assert step(None, view((120, 119), alarms=(0,)), 1) == (None, [])


def test_close_before_the_first_candle_is_the_base():
    seen = view((120, 119), alarms=(0,))
    known = SymbolView(
        **{name: getattr(seen, name) for name in seen.__slots__ if name != "close_before"},
        close_before=99.0,
    )
    event, _ = step(None, known, 1)
    assert event.base_price == 99.0


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
    hole = (float("nan"), float("nan"))
    candles = [(max(one, two), min(one, two)) for one, two, _ in path]
    for n, (_, _, unknown) in enumerate(path):
        candles[n] = hole if unknown and n not in (0, alarm) else candles[n]
    event, seen, minute = None, [], 2
    order = list(Phase)
    for wait in scans:
        minute = min(minute + wait, len(candles))
        forming = data.draw(st.booleans())
        shown = view(*candles[:minute], forming=forming, alarms=(alarm,))
        before = event
        event, signals = step(event, shown, minute - 0.5 if forming else minute)
        if before is not None and event is not None and before.event_id == event.event_id:
            assert order.index(event.phase) >= order.index(before.phase)
            assert event.peak_price >= before.peak_price
        again, repeated = step(before, shown, minute - 0.5 if forming else minute)
        assert [one.signal_id for one in repeated] == [one.signal_id for one in signals]
        assert again == event
        seen += signals
    ids = [signal.signal_id for signal in seen]
    assert len(ids) == len(set(ids)) <= 3
    assert phases(seen) == [phase for phase in order if phase in phases(seen)]
    assert Phase.FADING not in phases(seen)


def test_alarm_price_below_its_base_does_not_break_the_machine():
    event, signals = step(None, view((100, 100), (99, 98)), 2)
    assert phases(signals) == [Phase.RISING, Phase.PEAKED, Phase.OVER]
    assert event.phase is Phase.OVER
    assert event.rise == 0
