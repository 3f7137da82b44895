"""The fast judgement: when it alarms, what it asks for, and what it leaves to the minute's."""

import json
import re
from dataclasses import replace
from unittest.mock import Mock

import numpy as np
import pytest
from support import hand_made
from support.burst_rig import STEP, BurstRig
from support.detect_rig import START

from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch.errors import (
    BadMarketData,
    ExchangeForbidden,
    ExchangeUnavailable,
    RetryLater,
    StoreUnavailable,
)
from pumpwatch.invocation import Tick
from pumpwatch.usecases.detect import fast
from pumpwatch.usecases.detect.detect_pumps import RING

ONSET = 6 * MINUTE + 12 * SECOND
PUMPED = "A2USDT"
NEVER = {"efficiency of the rise": 9.0}
"""A score that nothing reaches."""


@pytest.fixture
def rig(monkeypatch):
    rig = BurstRig(monkeypatch).ready()
    rig.burst(PUMPED, ONSET)
    return rig


def signals(rig):
    return [
        (one.symbol, one.phase.value, (one.time - START) / 1000) for one in rig.signals.since(0)
    ]


def total(reports, name):
    return sum(getattr(report, name) for report in reports)


def test_burst_alarms_within_seconds_and_the_event_follows_the_price(rig):
    reports = rig.scans(0, 8 * MINUTE)
    assert signals(rig) == [(PUMPED, "rising", 380.0), (PUMPED, "peaked", 475.0)]
    (rising, _) = rig.signals.since(0)
    assert rising.price == rising.peak_price == rig.price(PUMPED, START + 380_000)
    assert rising.base_price == pytest.approx(rig.price(PUMPED, START + ONSET - 1), rel=1e-3)
    (event,) = rig.events.current()
    assert (event.alarm_time, event.alarm_candle) == (START + 380_000, START + 6 * MINUTE)
    assert event.peak_price == pytest.approx(rising.base_price * 1.2, rel=1e-2)
    assert [total(reports, name) for name in ("looks", "looks_skipped")] == [1, 0]
    assert total(reports, "judged_with_trades") == 1
    assert total(reports, "screen_missed") == 0


def test_a_look_costs_one_round_of_two_requests(rig):
    rig.scans(0, 380 * SECOND)
    rig.market.calls.clear()
    report = rig.look(380 * SECOND)
    assert sorted(rig.market.calls) == ["candles", "recent_trades", "snapshot"]
    assert report.requests == 3
    (request,) = rig.market.candle_requests
    assert request.symbol == PUMPED
    assert request.end == START + 5 * MINUTE, "the last minute that has ended"


def test_a_rule_that_says_no_alarms_at_no_look(monkeypatch):
    rig = BurstRig(
        monkeypatch, model=hand_made.model(burst={"efficiency of the rise": 9.0})
    ).ready()
    rig.burst(PUMPED, ONSET)
    reports = rig.scans(0, 8 * MINUTE)
    assert not signals(rig)
    assert total(reports, "looks") > 5


def told(rig):
    """Return what was judged, by symbol, as it lies beside the ring."""
    return json.loads(rig.history.load_state(RING)["judged"].tobytes())


def test_what_was_judged_and_why_nothing_followed_lies_beside_the_ring(monkeypatch):
    quiet = BurstRig(monkeypatch, model=hand_made.model(burst=NEVER)).ready()
    quiet.burst(PUMPED, ONSET)
    quiet.scans(0, 8 * MINUTE)
    bursts = [each for each in told(quiet)["judged"] if each[2] == "burst"]
    (symbol, time, _, verdict, alarmed) = bursts[-1]
    assert (symbol, alarmed) == (PUMPED, False)
    assert START + ONSET < time <= START + 8 * MINUTE
    words = r"[\d.]+ times the usual flow, \+[\d.]+ %: score [\d.]+ below its threshold"
    assert re.fullmatch(words, verdict)


def test_a_pump_is_told_and_then_that_it_goes_on(rig):
    reports = rig.scans(0, 8 * MINUTE)
    judged = [each for report in reports for each in report.judged if each.symbol == PUMPED]
    first = next(each for each in judged if each.alarmed)
    assert (first.what, first.time) == ("burst", START + 380_000)
    later = [each for each in judged if each.time > first.time]
    verdicts = {each.verdict for each in later if each.what == "burst"}
    assert verdicts == {"its last pump is not over"}
    assert told(rig)["counts"]["symbols"] == reports[-1].symbols
    assert len(json.dumps(told(rig))) < 10_000


def test_nothing_is_judged_fast_before_the_ring_is_full(monkeypatch):
    rig = BurstRig(monkeypatch).ready()
    rig.burst(PUMPED, 3 * MINUTE)
    assert total(rig.scans(0, 5 * MINUTE), "looks") == 0
    assert not signals(rig)


def test_a_hole_in_the_ring_begins_it_anew(rig):
    rig.scans(0, 5 * MINUTE)
    rig.scans(5 * MINUTE + 35 * SECOND, 8 * MINUTE)
    assert not signals(rig)


def test_a_hole_that_is_no_longer_than_half_a_minute_is_bridged(rig):
    rig.scans(0, 335 * SECOND)
    rig.scans(360 * SECOND, 8 * MINUTE)
    assert signals(rig)[0] == (PUMPED, "rising", 380.0)


@pytest.mark.parametrize("times", [50, 70])
def test_a_burst_below_the_gate_is_not_looked_at(monkeypatch, times):
    rig = BurstRig(monkeypatch, symbols=2).ready()
    rig.burst("A1USDT", ONSET, times=times - 10)
    assert total(rig.scans(0, 8 * MINUTE), "looks") == 0


def test_the_strongest_bursts_are_looked_at_first(monkeypatch):
    monkeypatch.setattr(fast, "MOST_LOOKS", 2)
    rig = BurstRig(monkeypatch, symbols=6).ready()
    for number in range(5):
        rig.burst(f"A{number}USDT", ONSET, times=2_000 + 1_000 * number)
    reports = rig.scans(0, 380 * SECOND)
    first = next(report for report in reports if report.looks)
    assert {one.symbol for one in first.signals} == {"A3USDT", "A4USDT"}
    assert first.looks_skipped == 3
    assert first.requests <= 1 + 2 * 2
    rig.scans(380 * SECOND, 390 * SECOND)
    assert {one[0] for one in signals(rig)} == {f"A{number}USDT" for number in range(5)}


def test_a_move_of_the_whole_market_is_said_once(monkeypatch, caplog):
    rig = BurstRig(monkeypatch, symbols=24).ready()
    for number in range(24):
        rig.burst(f"A{number}USDT", ONSET)
    reports = rig.scans(0, 7 * MINUTE)
    assert total(reports, "market_moves") == 1
    assert max(report.looks for report in reports) == fast.MOST_LOOKS
    said = [record for record in caplog.records if "whole market" in record.message]
    assert len(said) == 1


def test_a_market_that_moves_after_a_calm_moves_anew(monkeypatch):
    monkeypatch.setattr(fast, "CALM", 4 * SECOND)
    rig = BurstRig(monkeypatch, symbols=24).ready()
    for number in range(24):
        rig.burst(f"A{number}USDT", ONSET)
    assert total(rig.scans(0, 7 * MINUTE), "market_moves") > 1


def test_a_symbol_with_an_event_is_not_looked_at_again(rig):
    rig.scans(0, 385 * SECOND)
    assert total(rig.scans(385 * SECOND, 8 * MINUTE), "looks") == 0


@pytest.mark.parametrize(
    "failure", [ExchangeUnavailable("no answer"), BadMarketData("a trade cannot be true")]
)
def test_trades_that_fail_for_some_scans_only_delay_the_alarm(rig, failure):
    rig.market.failures["recent_trades"] = failure
    if isinstance(failure, BadMarketData):
        del rig.market.failures["recent_trades"]
        real = rig.market.recent_trades
        rig.market.recent_trades = lambda symbols: dict.fromkeys(symbols, failure)
    reports = rig.scans(0, 395 * SECOND)
    assert not signals(rig)
    assert total(reports, "judged_without_trades") == 3
    rig.market.failures.clear()
    if isinstance(failure, BadMarketData):
        rig.market.recent_trades = real
    rig.scans(395 * SECOND, 400 * SECOND)
    assert signals(rig) == [(PUMPED, "rising", 395.0)]


def test_a_refused_country_stops_the_scan_and_the_next_one_alarms(rig):
    rig.scans(0, 380 * SECOND)
    rig.market.failures["recent_trades"] = ExchangeForbidden("403")
    with pytest.raises(ExchangeForbidden):
        rig.look(380 * SECOND)
    rig.market.failures.clear()
    rig.scans(385 * SECOND, 390 * SECOND)
    assert signals(rig) == [(PUMPED, "rising", 385.0)]


def play(rig, begin=0, end=8 * MINUTE):
    """Scan; once the minute of the burst has ended its candle shows the burst too."""
    rig.scans(begin, 7 * MINUTE)
    rig.pump(PUMPED, 6, rise=1.2, flow=2_000)
    return rig.scans(7 * MINUTE, end)


def test_a_burst_without_trades_is_judged_by_the_minutes_candle(rig):
    rig.market.failures["recent_trades"] = ExchangeUnavailable("no answer")
    play(rig)
    assert signals(rig)[0] == (PUMPED, "rising", 420.0)


def test_an_empty_answer_about_trades_is_not_known(rig):
    rig.market._trades.clear()
    reports = play(rig)
    assert signals(rig)[0] == (PUMPED, "rising", 420.0)
    assert total(reports, "looks") == 0


def test_a_minute_that_was_judged_fast_is_not_judged_again(monkeypatch):
    made = hand_made.model(burst=NEVER, orders=-9.0)
    rig = BurstRig(monkeypatch, model=made).ready()
    rig.burst(PUMPED, ONSET)
    play(rig)
    assert not signals(rig)
    # The same minute with a hole in the ring before it: the candle decides, by its trades.
    rig = BurstRig(monkeypatch, model=made).ready()
    rig.burst(PUMPED, ONSET)
    rig.scans(0, 3 * MINUTE)
    play(rig, 4 * MINUTE)
    assert signals(rig)[0] == (PUMPED, "rising", 420.0)


def test_a_failed_look_in_a_minute_leaves_it_to_the_candle(monkeypatch):
    made = hand_made.model(burst=NEVER, orders=-9.0)
    rig = BurstRig(monkeypatch, model=made).ready()
    rig.burst(PUMPED, ONSET)
    rig.scans(0, 390 * SECOND)
    rig.market.failures["recent_trades"] = ExchangeUnavailable("no answer")
    rig.scans(390 * SECOND, 395 * SECOND)
    rig.market.failures.clear()
    play(rig, 395 * SECOND)
    assert signals(rig)[0] == (PUMPED, "rising", 420.0)


def test_a_hole_within_a_minute_leaves_it_to_the_candle(monkeypatch):
    made = hand_made.model(burst=NEVER, orders=-9.0)
    rig = BurstRig(monkeypatch, model=made).ready()
    rig.burst(PUMPED, ONSET)
    rig.scans(0, 375 * SECOND)
    play(rig, 395 * SECOND)
    assert signals(rig)[0] == (PUMPED, "rising", 420.0)


def test_a_symbol_that_was_listed_today_does_not_burst(monkeypatch):
    rig = BurstRig(monkeypatch)
    rig.list("NEWUSDT", 3, 800, first=START - 700 * MINUTE)
    rig.ready()
    rig.burst("NEWUSDT", ONSET, times=5_000)
    assert total(rig.scans(0, 8 * MINUTE), "looks") == 0


def test_a_symbol_that_is_listed_meanwhile_changes_nothing_for_the_others(rig):
    rig.scans(0, 3 * MINUTE)
    rig.list("B0USDT", 9, 2_000)
    rig.scans(3 * MINUTE, 5 * MINUTE)
    rig.market.delist("A0USDT")
    rig.scans(5 * MINUTE, 385 * SECOND)
    assert signals(rig) == [(PUMPED, "rising", 380.0)]


# --- handing over --------------------------------------------------------------------------


def test_another_instance_goes_on_with_the_ring(rig):
    rig.scans(0, 365 * SECOND)
    rig.scans(375 * SECOND, 385 * SECOND, detect=rig.new_instance())
    assert signals(rig) == [(PUMPED, "rising", 380.0)]


def test_a_warm_instance_takes_over_the_ring_of_the_one_that_scanned_last(rig):
    other = rig.new_instance()
    rig.scans(0, 60 * SECOND, detect=other)
    rig.scans(60 * SECOND, 370 * SECOND)
    first = rig.look(375 * SECOND, detect=other, handed_over=True)
    assert first.looks == 0
    rig.scans(380 * SECOND, 385 * SECOND, detect=other)
    assert signals(rig) == [(PUMPED, "rising", 380.0)]


def test_an_older_ring_does_not_replace_a_newer_one(rig):
    rig.scans(0, 100 * SECOND)
    old = dict(rig.history.load_state(RING))
    rig.scans(100 * SECOND, 375 * SECOND)
    rig.history.save_state(RING, old)
    rig.look(375 * SECOND, handed_over=True)
    rig.look(380 * SECOND)
    assert signals(rig) == [(PUMPED, "rising", 380.0)]


def test_the_ring_is_saved_every_fifteen_seconds_and_with_each_run(rig):
    saved = []
    real = rig.history.save_state

    def save(name, state):
        if name == RING:
            saved.append((rig.market.now - START) // 1000)
        real(name, state)

    rig.history.save_state = save
    rig.scans(0, 130 * SECOND)
    assert saved == [0, 15, 30, 45, 60, 75, 90, 105, 120]


def test_a_run_that_did_not_see_the_market_leaves_the_saved_ring(rig):
    rig.scans(0, 60 * SECOND)
    saved, fresh = rig.history.load_state(RING), rig.new_instance()
    rig.market.snapshot = Mock(side_effect=RetryLater("no answer"))
    with pytest.raises(RetryLater):
        fresh.run(Tick(START + MINUTE, "run"))
    assert rig.history.load_state(RING).keys() == saved.keys()


@pytest.mark.parametrize("damage", ["garbage", "short", "other interval", "old", "out of order"])
def test_a_ring_that_is_damaged_or_of_other_settings_is_rebuilt(rig, damage, caplog):
    rig.scans(0, 370 * SECOND)
    ring = dict(rig.history.load_state(RING))
    changes = {
        "garbage": {"last": np.array("x")},
        "short": {"turnover": ring["turnover"][:1]},
        "other interval": {"fingerprint": np.array("1 15")},
        "old": {"fingerprint": np.array("0 5")},
        "out of order": {"time": ring["time"][::-1]},
    }
    rig.history.save_state(RING, {**ring, **changes[damage]})
    rig.scans(370 * SECOND, 400 * SECOND, detect=rig.new_instance())
    assert not signals(rig)
    assert len([one for one in caplog.records if "saved ring" in one.message]) == 1


def test_a_store_that_does_not_give_or_take_the_ring_fails_no_scan(rig):
    rig.scans(0, 360 * SECOND)
    real = rig.history.load_state

    def load(name):
        if name == RING:
            raise StoreUnavailable("no answer")
        return real(name)

    def save(*_):
        raise StoreUnavailable("no answer")

    rig.history.load_state, rig.history.save_state = load, save
    cold = rig.new_instance()
    rig.scans(365 * SECOND, 370 * SECOND, detect=cold)
    # It is asked for again, and the newer one stays.
    rig.history.load_state = real
    rig.scans(370 * SECOND, 385 * SECOND, detect=cold)
    assert not signals(rig)


def test_a_signal_that_could_not_be_stored_comes_with_the_next_scan(rig, monkeypatch):
    rig.scans(0, 380 * SECOND)
    real = rig.signals.publish

    def refuse(_):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(rig.signals, "publish", refuse)
    with pytest.raises(StoreUnavailable):
        rig.look(380 * SECOND)
    monkeypatch.setattr(rig.signals, "publish", real)
    rig.look(385 * SECOND)
    assert signals(rig) == [(PUMPED, "rising", 385.0)]


def test_an_event_that_could_not_be_stored_is_stored_by_the_next_scan(rig, monkeypatch):
    rig.scans(0, 380 * SECOND)
    real = rig.events.save

    def refuse(_):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(rig.events, "save", refuse)
    with pytest.raises(StoreUnavailable):
        rig.look(380 * SECOND)
    monkeypatch.setattr(rig.events, "save", real)
    rig.scans(385 * SECOND, 8 * MINUTE)
    assert [phase for _, phase, _ in signals(rig)] == ["rising", "peaked"]
    (event,) = rig.events.current()
    assert event.alarm_time == START + 380_000


def test_events_are_read_once_a_minute(rig, monkeypatch):
    read = []
    real = rig.events.current
    monkeypatch.setattr(rig.events, "current", lambda: read.append(1) or real())
    rig.scans(0, 3 * MINUTE)
    assert len(read) == 3


# --- bad input -----------------------------------------------------------------------------


def always(rig, change):
    rig.changed.append(lambda snapshot: change(snapshot, (snapshot.time - START) // 1000))


def test_more_trades_in_a_second_than_an_answer_shows_are_judged_beside_the_ring(monkeypatch):
    rig = BurstRig(monkeypatch).ready()
    rig.burst(PUMPED, ONSET, trades=1_000, seconds=10)
    reports = rig.scans(0, 400 * SECOND)
    assert signals(rig) == [(PUMPED, "rising", 375.0)]
    assert total(reports, "judged_with_trades") == 1


def test_trades_of_the_future_do_not_count(rig):
    """An answer comes after the snapshot: what was traded in between is not of the scan."""
    rig.market._recent = lambda symbol: rig.market._trades[symbol]
    rig.scans(0, 385 * SECOND)
    assert signals(rig) == [(PUMPED, "rising", 380.0)]
    (event,) = rig.events.current()
    assert event.peak_price == rig.price(PUMPED, START + 380_000)
    assert event.peak_time == START + 380_000


def test_repeated_snapshots_are_one(rig):
    def repeat(snapshot, second):
        if second % 10:
            return snapshot
        return replace(snapshot, time=snapshot.time - STEP)

    always(rig, repeat)
    rig.scans(0, 8 * MINUTE)
    assert signals(rig)[0][0] == PUMPED


def test_tickers_that_go_back_alarm_nothing_and_count_nothing_twice(monkeypatch):
    rig = BurstRig(monkeypatch).ready()
    fall = 70 * rig.mean(PUMPED)

    def back(snapshot, second):
        turnover, last = snapshot.turnover_24h.copy(), snapshot.last_price.copy()
        row = snapshot.symbols.index(PUMPED)
        if second % 10:
            turnover[row] -= fall
            last[row] *= 0.98
        return replace(snapshot, turnover_24h=turnover, last_price=last)

    always(rig, back)
    assert total(rig.scans(0, 9 * MINUTE), "looks") == 0


def test_a_turnover_that_is_too_high_once_is_no_burst_after_the_trades_are_read(monkeypatch):
    rig = BurstRig(monkeypatch).ready()
    rig.trade(PUMPED, START + np.arange(0, 9 * MINUTE, 7_000), 10.0, rig.mean(PUMPED) / 10)

    def spike(snapshot, second):
        turnover, last = snapshot.turnover_24h.copy(), snapshot.last_price.copy()
        row = snapshot.symbols.index(PUMPED)
        if second == 400:
            turnover[row] *= 1.5
        if second >= 400:
            last[row] *= 1.05
        return replace(snapshot, turnover_24h=turnover, last_price=last)

    always(rig, spike)
    reports = rig.scans(0, 9 * MINUTE)
    assert total(reports, "looks") == 1
    assert not signals(rig)


@pytest.mark.parametrize("missing", [(0, 60), (200, 215), (340, 380)])
def test_a_symbol_that_snapshots_lack_alarms_later_or_not_at_all(rig, missing):
    def without(snapshot, second):
        if not missing[0] <= second < missing[1]:
            return snapshot
        kept = [row for row, symbol in enumerate(snapshot.symbols) if symbol != PUMPED]
        columns = {
            name: getattr(snapshot, name)[kept]
            for name in snapshot.__dataclass_fields__
            if isinstance(getattr(snapshot, name), np.ndarray)
        }
        symbols = tuple(snapshot.symbols[row] for row in kept)
        return replace(snapshot, symbols=symbols, **columns)

    always(rig, without)
    rig.scans(0, 420 * SECOND)
    found = signals(rig)
    assert found == ([] if missing == (340, 380) else [(PUMPED, "rising", 380.0)])


@pytest.mark.parametrize(("begin", "jump"), [(300, 20_000), (300, 40_000), (370, 12_000)])
def test_a_clock_that_jumps_gives_no_wrong_alarm(monkeypatch, begin, jump):
    rig = BurstRig(monkeypatch).ready()

    def late(snapshot, second):
        moved = jump if begin <= second < begin + 10 else 0
        return replace(snapshot, time=snapshot.time + moved)

    always(rig, late)
    reports = rig.scans(0, 9 * MINUTE)
    assert total(reports, "looks") == 0
    assert not signals(rig)


def test_a_clock_that_goes_far_back_begins_the_ring_anew(rig):
    rig.scans(10 * MINUTE, 16 * MINUTE)
    rig.scans(0, 395 * SECOND)
    assert [one[2] for one in signals(rig)] == [pytest.approx(380.0, abs=5.0)]
