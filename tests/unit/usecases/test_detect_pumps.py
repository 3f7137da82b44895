"""The detect use case on scripted markets: what it finds, asks for, remembers and survives."""

import numpy as np
import pytest
from support.detect_rig import START, Rig
from support.scripted_market_data import instrument

from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.errors import (
    BadMarketData,
    ExchangeForbidden,
    ExchangeUnavailable,
    StoreUnavailable,
)
from pumpwatch.own.rules import detector_named
from pumpwatch.usecases.detect import scan_plan
from pumpwatch.usecases.detect.detect_pumps import FLOWS, STATE, slices_due


def play(rig, begin, end, **more):
    return [rig.tick(minute, **more) for minute in range(begin, end)]


def test_pump_is_signalled_in_the_minute_it_happens():
    rig = Rig().ready()
    rig.pump("A3USDT", 5)
    reports = play(rig, 0, 6)
    assert [len(report.signals) for report in reports] == [0, 0, 0, 0, 0, 1]
    signal = reports[-1].signals[0]
    assert (signal.symbol, signal.phase.value, signal.time) == ("A3USDT", "rising", rig.market.now)
    assert signal.peak_price / signal.base_price == pytest.approx(1.2)
    assert reports[-1].events_open == 1


def test_pump_after_the_scan_of_its_minute_is_signalled_by_the_next_one():
    rig = Rig().ready()
    play(rig, 0, 6)
    rig.pump("A3USDT", 5)
    assert rig.tick(6).signals[0].phase.value == "rising"
    assert {symbol for symbol, _ in rig.found()} == {"A3USDT"}


def test_one_pump_gives_one_event_with_at_most_three_signals():
    rig = Rig().ready()
    rig.pump("A3USDT", 5, close=0.6)
    rig.pump("A3USDT", 6, rise=1.1, close=0.2)
    play(rig, 0, 80)
    assert sorted(rig.found()) == [(("A3USDT"), phase) for phase in ("over", "peaked", "rising")]
    assert not rig.events.current()
    assert len({one.event_id for one in rig.signals.since(0)}) == 1


def test_symbol_can_alarm_again_after_its_cooldown():
    rig = Rig(cooldown_minutes=5).ready()
    rig.pump("A3USDT", 3, close=0.1)
    rig.pump("A3USDT", 6, rise=1.3, flow=3000, close=0.1)
    rig.pump("A3USDT", 20, rise=1.4, flow=50_000)
    play(rig, 0, 21)
    assert len({one.event_id for one in rig.signals.since(0)}) == 2


def test_calm_market_asks_candles_of_the_refreshed_slice_only():
    rig = Rig(symbols=8).ready()
    reports = play(rig, 0, 8)
    assert {report.candidates for report in reports} == {0}
    assert {report.requests for report in reports} == {1 + 2}
    assert [report.refreshed for report in reports] == [2] * 8
    assert {report.screen_missed for report in reports} == {0}
    assert {report.warming_up for report in reports} == {0}


def test_more_slices_are_refreshed_when_a_round_would_take_too_long(monkeypatch):
    monkeypatch.setattr(Ewma, "unseen_limit", 3)
    rig = Rig(symbols=8).ready()
    reports = play(rig, 0, 12)
    # Four slices in the 2.4 minutes that are used of three: two in each run.
    assert [report.refreshed for report in reports] == [4] * 12
    assert (rig.rounds, len(rig.asked())) == (1, 4), "both slices are asked for at once"
    assert {report.candidates for report in reports} == {0}


@pytest.mark.parametrize(
    ("detector", "slices", "due"),
    [("boosted", 144, 1), ("boosted", 145, 2), ("boosted", 2_000, 14), ("ewma", 1_152, 1)],
)
def test_every_slice_has_its_turn_before_the_screen_forgets_it(detector, slices, due):
    settings = Rig(symbols=1).settings
    assert slices_due(slices, detector_named(detector, settings)) == due


def test_candidate_is_asked_for_the_gap_since_its_history_only():
    rig = Rig(symbols=8).ready()
    rig.pump("A5USDT", 3)
    play(rig, 0, 4)
    request = next(one for one in rig.market.candle_requests if one.symbol == "A5USDT")
    assert (request.end - request.start) // MINUTE < 10


def test_first_start_fetches_the_most_traded_symbols_first_and_cannot_signal_yet():
    rig = Rig(symbols=9, max_candidates=8)
    rig.pump("A8USDT", 0)
    report = rig.tick(0)
    assert rig.asked() == {"A0USDT", "A1USDT", "A2USDT", "A3USDT"}
    assert report.warming_up == 9
    assert not report.signals
    assert [play(rig, minute, minute + 1)[0].warming_up for minute in (1, 2, 3)] == [5, 1, 0]


def test_symbol_without_a_full_window_warms_up():
    rig = Rig(symbols=3)
    rig.list("NEWUSDT", 3, 800, first=START - 700 * MINUTE)
    rig.ready()
    rig.pump("NEWUSDT", 2)
    reports = play(rig, 0, 4)
    assert {report.warming_up for report in reports} == {1}
    assert not rig.found()


def test_new_listing_is_noticed_and_a_delisted_symbol_forgotten():
    rig = Rig(symbols=4).ready()
    rig.tick(0)
    before = rig.market.calls.count("watchlist")
    rig.list("B0USDT", 9, 1620 + 100)
    assert rig.tick(1).symbols == 5
    assert rig.market.calls.count("watchlist") == before + 1
    rig.market.delist("A0USDT")
    assert rig.tick(2).symbols == 4
    rig.tick(70)
    assert "A0USDT" not in rig.detect._state.symbols


def test_excluded_and_foreign_contracts_are_not_watched_nor_asked_about_again():
    rig = Rig(symbols=3)
    rig.list("GOLDUSDT", 7, 1800)
    rig.market.list_instrument(instrument("GOLDUSDT", symbol_type="commodity"))
    rig.ready()
    rig.pump("GOLDUSDT", 1)
    reports = play(rig, 0, 5)
    assert reports[-1].symbols == 3
    assert "GOLDUSDT" not in rig.asked()
    assert rig.market.calls.count("watchlist") == 1
    assert not rig.found()


def test_list_of_instruments_that_lost_most_symbols_is_not_believed():
    rig = Rig(symbols=6).ready()
    for number in range(1, 6):
        rig.market._instruments.pop(f"A{number}USDT")
    rig.tick(70)
    assert len(rig.detect._state.symbols) == 6


def test_bad_symbol_is_counted_and_the_others_are_still_signalled():
    rig = Rig().ready()
    rig.pump("A1USDT", 2)
    rig.pump("A3USDT", 2)
    rig.broken["A1USDT"] = BadMarketData("A1USDT: high below low")
    rig.market.skipped = ("XUSDT",)
    report = play(rig, 0, 3)[-1]
    assert [signal.symbol for signal in report.signals] == ["A3USDT"]
    assert report.skipped == 2
    assert report.bad_candles >= 2
    del rig.broken["A1USDT"]
    assert {one.symbol for one in rig.tick(3).signals} == {"A1USDT", "A3USDT"}


def test_candidate_without_an_answer_is_judged_by_the_next_scan():
    rig = Rig().ready()
    rig.pump("A1USDT", 2)
    rig.broken["A1USDT"] = ExchangeUnavailable("no answer")
    reports = play(rig, 0, 4)
    assert not any(report.signals for report in reports)
    assert sum(report.bad_candles for report in reports) == 0
    del rig.broken["A1USDT"]
    # The price is back where it was: one message.
    assert [one.phase.value for one in rig.tick(4).signals] == ["over"]
    assert {symbol for symbol, _ in rig.found()} == {"A1USDT"}


def test_forbidden_exchange_stops_the_run():
    rig = Rig().ready()
    rig.broken["A0USDT"] = ExchangeForbidden("403")
    with pytest.raises(ExchangeForbidden):
        play(rig, 0, 3)


def test_missing_snapshot_fails_the_run_and_nothing_is_lost():
    rig = Rig().ready()
    rig.tick(0)
    rig.pump("A3USDT", 1)
    rig.market.failures["snapshot"] = ExchangeUnavailable("no answer")
    with pytest.raises(ExchangeUnavailable):
        rig.tick(1)
    del rig.market.failures["snapshot"]
    assert [one.phase.value for one in rig.tick(3).signals] == ["over"]
    assert {symbol for symbol, _ in rig.found()} == {"A3USDT"}


def test_candidates_beyond_the_budget_are_counted_and_come_next():
    rig = Rig(symbols=6, max_candidates=2).ready()
    for number in range(4):
        rig.pump(f"A{number}USDT", 2, rise=1.2 + number / 10)
    reports = play(rig, 0, 3)
    assert (reports[-1].candidates, reports[-1].candidates_deferred) == (4, 2)
    assert len({signal.symbol for signal in reports[-1].signals}) == 2
    rig.tick(3)
    rig.detect._settings = rig.settings.model_copy(update={"max_candidates": 9})
    rig.tick(4)
    assert len({symbol for symbol, _ in rig.found()}) == 4


def test_cold_start_continues_from_the_saved_state():
    rig = Rig(symbols=6).ready()
    play(rig, 0, 3)
    rig.pump("A4USDT", 3)
    report = rig.tick(3, detect=rig.new_instance())
    assert [one.symbol for one in report.signals] == ["A4USDT"]
    assert report.warming_up == 0
    assert report.candidates == 1
    assert max(one.end - one.start for one in rig.market.candle_requests) < 10 * MINUTE


@pytest.mark.parametrize("damage", ["missing", "garbage", "short", "other settings", "unreadable"])
def test_lost_or_damaged_state_is_rebuilt(damage):
    rig = Rig(symbols=2).ready()
    rig.tick(0)
    state = dict(rig.history.load_state(STATE))
    if damage == "missing":
        rig.lose("/state/")
    elif damage == "garbage":
        rig.history.save_state(STATE, {"symbols": np.arange(3)})
    elif damage == "short":
        rig.history.save_state(STATE, {**state, "through": state["through"][:1]})
    elif damage == "other settings":
        rig.settings = rig.settings.model_copy(update={"ewma_span_minutes": 700})
    else:
        rig.history.save_state(STATE, {**state, "looks_flow": np.zeros((1, 7))})
    cold = rig.new_instance()
    assert rig.tick(1, detect=cold).warming_up == 2
    assert rig.tick(2, detect=cold).warming_up == 0
    rig.pump("A1USDT", 3)
    assert [one.symbol for one in rig.tick(3, detect=cold).signals] == ["A1USDT"]


@pytest.mark.parametrize(
    "damage",
    [
        None,
        {"flows": np.zeros((1, 1))},
        {"fingerprint": np.array("x")},
        # Ten minutes each, as an earlier version saved them.
        {"flows": np.zeros((4, 156), dtype=np.int16)},
    ],
)
def test_without_saved_flows_every_symbol_is_a_candidate_until_it_is_refreshed(damage):
    rig = Rig(symbols=4)
    for symbol in rig.values:
        rig.pump(symbol, -600, flow=1)
    rig.ready().tick(0)
    saved = dict(rig.history.load_state(FLOWS))
    rig.lose(f"/state/{FLOWS}.")
    if damage is not None:
        rig.history.save_state(FLOWS, {**saved, **damage})
    cold = rig.new_instance()
    assert rig.tick(1, detect=cold).candidates == 4
    assert rig.history.load_state(FLOWS)["flows"].shape == saved["flows"].shape
    assert [rig.tick(minute, detect=cold).candidates for minute in (2, 3)] == [2, 0]


def test_saved_flows_serve_a_cold_start_hours_later():
    rig = Rig(symbols=40)
    for symbol in rig.values:
        rig.pump(symbol, -600, flow=1)
    rig.ready()
    cold = rig.new_instance()
    assert rig.tick(0, detect=cold).candidates == 0
    assert rig.tick(1, detect=cold).candidates == 0


def test_warm_object_takes_over_what_another_instance_saved_meanwhile():
    rig = Rig(symbols=6).ready()
    rig.tick(0)
    other = rig.new_instance()
    play(rig, 1, 30, detect=other)
    report = rig.tick(30)
    assert report.screen_missed == 0
    assert rig.detect._state.through.min() >= START + 25 * MINUTE


def test_lost_slice_is_fetched_again():
    rig = Rig(symbols=2).ready()
    rig.tick(0)
    rig.lose("/candles/")
    cold = rig.new_instance()
    report = rig.tick(1, detect=cold)
    assert max(one.end - one.start for one in rig.market.candle_requests) > 24 * HOUR
    assert report.screen_missed == 0
    rig.pump("A1USDT", 2)
    assert [one.symbol for one in rig.tick(2, detect=cold).signals] == ["A1USDT"]


def test_slice_that_is_newer_than_the_state_is_not_mixed_with_it():
    rig = Rig(symbols=2).ready()
    play(rig, 0, 3)
    state = rig.history.load_state(STATE)
    rig.tick(70)
    rig.history.save_state(STATE, state)
    cold = rig.new_instance()
    assert rig.tick(71, detect=cold).screen_missed == 0
    assert min(one.start for one in rig.market.candle_requests) < START - 23 * HOUR


def test_flow_of_time_that_was_not_fetched_is_unknown_not_zero():
    rig = Rig(symbols=2).ready()
    rig.tick(0)
    rig.broken["A1USDT"] = BadMarketData("A1USDT: broken")
    rig.tick(30)
    state = rig.detect._state
    unknown = np.isinf(state.flows).sum(axis=1)
    assert unknown[state.rows["A1USDT"]] == unknown[state.rows["A0USDT"]] + 30


class FailingOnce:
    """Fails at the second call of a method, before or after it did its work."""

    def __init__(self, store, method, *, after):
        self._store, self._method, self._after, self._calls = store, method, after, 0

    def __getattr__(self, name):
        real = getattr(self._store, name)
        if name != self._method:
            return real

        def call(*arguments):
            self._calls += 1
            result = real(*arguments) if self._after or self._calls != 2 else None
            if self._calls == 2:
                raise StoreUnavailable("no answer")
            return result

        return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("store", "method"), [("signals", "publish"), ("events", "save")])
def test_scan_that_fails_half_way_is_repeated_without_a_second_signal(store, method, after):
    rig = Rig(symbols=4).ready()
    real = rig.signals
    setattr(rig, store, FailingOnce(getattr(rig, store), method, after=after))
    rig.detect = rig.new_instance()
    for number in (0, 1, 2):
        rig.pump(f"A{number}USDT", 2)
    play(rig, 0, 2)
    with pytest.raises(StoreUnavailable):
        rig.tick(2)
    published = {one.signal_id for one in real.since(0)}
    assert published.isdisjoint(one.signal_id for one in rig.tick(3).signals)
    rising = [one.symbol for one in real.since(0) if one.phase.value == "rising"]
    assert sorted(rising) == ["A0USDT", "A1USDT", "A2USDT"]


def test_history_that_cannot_be_saved_does_not_fail_the_run(monkeypatch):
    rig = Rig(symbols=4).ready()

    def refuse(*_):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(rig.history, "save_state", refuse)
    monkeypatch.setattr(rig.history, "save_slice", refuse)
    rig.pump("A1USDT", 2)
    assert [one.symbol for one in play(rig, 0, 3)[-1].signals] == ["A1USDT"]


def test_unreachable_state_fails_a_cold_start_but_not_a_warm_one(monkeypatch):
    rig = Rig(symbols=4).ready()
    rig.tick(0)

    def refuse(*_):
        raise StoreUnavailable("no answer")

    monkeypatch.setattr(rig.history, "load_state", refuse)
    assert rig.tick(10).symbols == 4
    with pytest.raises(StoreUnavailable):
        rig.tick(11, detect=rig.new_instance())


def test_alarm_that_the_screen_dropped_is_counted_by_the_replay(monkeypatch, caplog):
    rig = Rig(symbols=2).ready()
    real = scan_plan.screen

    def blind(*arguments):
        found = real(*arguments)
        found.candidate[:] = False
        return found

    play(rig, 0, 3)
    monkeypatch.setattr(scan_plan, "screen", blind)
    rig.pump("A1USDT", 3)
    reports = play(rig, 3, 6)
    assert sum(report.screen_missed for report in reports) == 1
    (missed,) = [record for record in caplog.records if "screen missed" in record.message]
    assert (missed.symbol, missed.candle) == ("A1USDT", START + 3 * MINUTE)


def test_alarms_that_were_judged_are_not_counted_as_missed():
    rig = Rig(symbols=3, cooldown_minutes=30).ready()
    for minute in (5, 7, 20, 40):
        rig.pump("A1USDT", minute, rise=1.3, flow=10.0**minute if minute < 8 else 1e12, close=0.1)
    reports = play(rig, 0, 60)
    assert sum(report.screen_missed for report in reports) == 0
    assert rig.detect._state.judged == []


def test_fresh_alarm_in_history_that_was_just_fetched_is_signalled():
    rig = Rig(symbols=1)
    rig.pump("A0USDT", -2)
    assert rig.tick(0).signals[0].phase.value == "rising"


def test_old_alarm_in_history_is_not_signalled():
    rig = Rig(symbols=1)
    rig.pump("A0USDT", -20)
    assert not rig.tick(0).signals


def test_event_goes_on_though_its_symbol_gives_no_candles_and_ends_by_time():
    rig = Rig(symbols=3).ready()
    rig.pump("A1USDT", 1)
    play(rig, 0, 2)
    rig.broken["A1USDT"] = BadMarketData("A1USDT: broken")
    play(rig, 2, 70)
    assert ("A1USDT", "over") in rig.found()


def test_exchange_time_that_goes_back_is_not_judged():
    rig = Rig(symbols=3).ready()
    rig.tick(5)
    rig.pump("A1USDT", 3)
    report = rig.tick(3)
    assert not report.signals
    assert report.candidates == 0


def test_scans_within_the_minute_see_a_pump_earlier():
    rig = Rig(symbols=2).ready()
    rig.tick(0, second=5)
    rig.pump("A1USDT", 0)
    rig.market.calls.clear()
    rig.market.now = START + 20_000
    report = rig.detect.look()
    assert rig.market.calls == ["snapshot", "candles"]
    assert report.refreshed == 0
    assert [(one.symbol, one.time) for one in report.signals] == [("A1USDT", START + 20_000)]


def test_candles_are_asked_for_once_a_minute_where_no_forming_candle_alarms():
    rig = Rig(symbols=6, detector="boosted").ready()
    rig.pump("A1USDT", 1, rise=1.05, flow=500)
    play(rig, 0, 2)
    rig.market.calls.clear()
    for second in (15, 30, 60, 65, 75):
        rig.market.now = START + MINUTE + second * 1000
        rig.detect.look()
    assert rig.market.calls.count("snapshot") == 5
    assert rig.market.calls.count("candles") == 1
    assert rig.market.calls.index("candles") == 3, "the first scan after the minute's edge"


def test_report_says_when_in_the_minute_and_how_late_it_was():
    report = Rig(symbols=2).ready().tick(0, second=12)
    assert (report.second_of_minute, report.tick_delay_seconds) == (12.0, 12.0)


def test_backfill_reports_progress_and_leaves_nothing_warming_up():
    rig = Rig(symbols=5)
    seen = []
    report = rig.detect.backfill(lambda done, slices: seen.append((done, slices)))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    assert report.refreshed == 5
    rig.market.candle_requests.clear()
    rig.detect.backfill()
    assert not rig.market.candle_requests
    assert rig.tick(0).warming_up == 0


def test_burst_is_not_judged_by_boosted_while_its_candle_forms():
    rig = Rig(detector="boosted").ready()
    rig.pump("A2USDT", 3)
    play(rig, 0, 4)
    assert not rig.found()
    play(rig, 4, 6)
    assert all(one.time >= START + 4 * MINUTE for one in rig.signals.since(0))
    assert not sum(report.screen_missed for report in play(rig, 6, 20))
