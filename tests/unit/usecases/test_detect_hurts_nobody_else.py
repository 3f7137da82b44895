"""Many pumps, a store that is down, a clock in doubt: what can be judged is judged."""

import copy

import pytest
from support import hand_made
from support.detect_rig import MINUTE, START, Rig

from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.domain.moments import HOUR
from pumpwatch.errors import ExchangeUnavailable, StoreUnavailable
from pumpwatch.usecases.detect import history as candle_history


def pumped(rig):
    return {symbol for symbol, _ in rig.found()}


def hold(rig, symbol, minute):
    """Let the price stay where the pump took it: its event goes on."""
    row = (START - rig._starts[symbol]) // MINUTE + minute + 1
    rig.values[symbol][row:, :4] *= 1.19
    rig._show(symbol)


@pytest.mark.parametrize("holds", [False, True])
def test_many_pumps_at_once_are_all_signalled_and_do_not_blind_the_detector(holds):
    many, late = 30, "A38USDT"
    rig = Rig(symbols=40, max_candidates=8).ready()
    rig.tick(0)
    for number in range(many):
        rig.pump(f"A{number}USDT", 2)
        if holds:
            hold(rig, f"A{number}USDT", 2)
    rig.pump(late, 8)
    first = [rig.tick(minute) for minute in range(1, 8)]
    assert pumped(rig) == {f"A{number}USDT" for number in range(many)}
    assert max(report.candidates_deferred for report in first) == many - 8
    assert not holds or first[-1].events_open == many
    assert late in {one.symbol for one in rig.tick(8).signals}


def boosted(monkeypatch, *, symbols=8, in_memory=2):
    """Return a rig whose store keeps what memory does not, and two pumps to come."""
    monkeypatch.setattr(candle_history, "SYMBOLS_CACHED", in_memory)
    monkeypatch.setitem(DETECTORS, "boosted", lambda _: hand_made.boosted())
    rig = Rig(symbols, detector="boosted").ready()
    rig.tick(0)
    held = set(rig.detect._history._cached)
    slice_of = dict(zip(rig.detect._state.symbols, rig.detect._state.slice_of, strict=True))
    inside = next(symbol for symbol, number in slice_of.items() if number in held)
    outside = next(symbol for symbol, number in slice_of.items() if number not in held)
    for symbol in (inside, outside):
        rig.pump(symbol, 2, rise=1.4, flow=20_000)
    return rig, inside, outside


def down(*_, **__):
    raise StoreUnavailable("the bucket did not answer")


def test_a_candidate_whose_history_cannot_be_had_hurts_nobody_else(monkeypatch):
    rig, inside, outside = boosted(monkeypatch)
    load = rig.history.load_slice
    for name in ("load_slice", "load_state", "save_slice", "save_state"):
        monkeypatch.setattr(rig.history, name, down)
    rig.tick(1)
    rig.tick(2)
    report = rig.tick(3)
    assert pumped(rig) == {inside}
    assert report.candidates_unjudged == 1
    monkeypatch.setattr(rig.history, "load_slice", load)
    rig.tick(4)
    assert pumped(rig) == {inside, outside}


def test_one_slice_that_cannot_be_had_does_not_stop_the_refresh_of_the_others(monkeypatch):
    rig, _, outside = boosted(monkeypatch)
    bad = int(rig.detect._state.slice_of[rig.detect._state.rows[outside]])
    load = rig.history.load_slice

    def some(number, **more):
        return down() if number == bad else load(number, **more)

    monkeypatch.setattr(rig.history, "load_slice", some)
    before = rig.detect._state.through.copy()
    for minute in range(1, 12):
        rig.tick(minute)
    state = rig.detect._state
    stuck = state.through == before
    assert stuck.any()
    assert set(state.slice_of[stuck].tolist()) == {bad}


def test_a_store_that_is_down_is_not_asked_for_each_candidate(monkeypatch):
    rig, *_ = boosted(monkeypatch, symbols=30)
    asked = []

    def count(number, **_):
        asked.append(number)
        return down()

    monkeypatch.setattr(rig.history, "load_slice", count)
    for number in range(30):
        rig.pump(f"A{number}USDT", 2, rise=1.4, flow=20_000)
    report = rig.tick(2)
    assert report.candidates_unjudged >= 26
    assert len(asked) <= 2 * candle_history.MOST_FAILURES


class DoubtfulClock:
    def __init__(self, market):
        self.market = market
        self.reason = ""

    def now(self):
        return self.market.now

    def earliest(self):
        return self.now()

    def doubt(self):
        return self.reason


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("detector", ["ewma", "boosted"])
def test_a_state_of_a_later_time_does_not_stop_detection(detector, cold):
    """A scan two hours ahead, as an earlier version believed it."""
    rig = Rig(symbols=6, detector=detector).ready()
    rig.tick(0)
    rig.tick(120)
    rig.detect._save()
    detect = rig.new_instance() if cold else rig.detect
    rig.pump("A1USDT", 4, rise=1.4, flow=20_000)
    for minute in range(1, 7):
        rig.tick(minute, detect=detect)
    assert ("A1USDT", "rising") in rig.found()
    assert rig.detect._state.last.time < START + 121 * MINUTE


def test_a_clock_in_doubt_is_counted_and_judging_goes_on_by_the_time_that_is_believed():
    rig = Rig(symbols=6).ready()
    clock = DoubtfulClock(rig.market)
    detect = rig.new_instance(clock=clock)
    rig.pump("A1USDT", 3)
    clock.reason = "answers differ by two hours"
    assert [rig.tick(minute, detect=detect).clock_doubts for minute in range(3)] == [1, 1, 1]
    assert [one.symbol for one in rig.tick(3, detect=detect).signals][:1] == ["A1USDT"]


def test_in_doubt_a_state_of_a_later_time_is_waited_for_but_not_for_ever():
    rig = Rig(symbols=6).ready()
    rig.tick(0)
    later = copy.copy(rig.detect._state.last)
    rig.tick(120)
    clock = DoubtfulClock(rig.market)
    clock.reason = "answers differ by two hours"
    detect = rig.new_instance(clock=clock)
    for minute in range(1, 4):
        rig.tick(minute, detect=detect)
        assert detect._state.last.time > later.time + MINUTE
    rig.tick(4, detect=detect)
    assert detect._state.last.time == rig.market.now
    rig.pump("A1USDT", 6)
    for minute in (5, 6, 7):
        rig.tick(minute, detect=detect)
    assert ("A1USDT", "rising") in rig.found()


LOST = ExchangeUnavailable("no answer")


def test_the_known_symbols_are_kept_while_instruments_cannot_be_renewed(caplog):
    rig = Rig().ready()
    later = HOUR // MINUTE + 1
    rig.market.failures["watchlist"] = LOST
    report = rig.tick(later)
    assert report.symbols == 5
    assert "instruments were not renewed" in caplog.text


def test_without_any_known_symbol_lost_instruments_end_the_scan():
    rig = Rig()
    rig.market.failures["watchlist"] = LOST
    with pytest.raises(ExchangeUnavailable):
        rig.tick(0)


def test_a_history_that_cannot_be_refreshed_waits_for_the_next_scan(caplog):
    rig = Rig().ready()
    rig.pump("A3USDT", 1)
    whole = rig.market.candles

    def only_candidates(requests):
        if all(one.symbol == "A3USDT" for one in requests):
            return whole(requests)
        raise LOST

    rig.tick(0)
    rig.market.candles = only_candidates
    report = rig.tick(1)
    assert [signal.symbol for signal in report.signals] == ["A3USDT"]
    assert "history was not refreshed" in caplog.text
