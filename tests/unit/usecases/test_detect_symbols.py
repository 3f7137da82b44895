"""Which symbols are watched, and what becomes of the others when that changes."""

import logging

import pytest
from support.detect_rig import START, Rig

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import SettingsError
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch.settings.symbols import SymbolChoice

PLACES = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket"}
ALL = {f"A{number}USDT" for number in range(5)}


def watched(detect):
    return set(detect._state.symbols)


def changed(rig, **lists):
    """Return a cold container whose settings choose other symbols, on the same stores."""
    rig.settings = DetectSettings.model_validate({**rig.settings.model_dump(), **lists})
    return rig.new_instance()


@pytest.mark.parametrize(
    ("symbols", "excluded", "taken"),
    [
        ("", "", ALL),
        ("a0usdt, A1USDT", "", {"A0USDT", "A1USDT"}),
        ("A?USDT", "A[1-3]USDT", {"A0USDT", "A4USDT"}),
        ("*", "*", set()),
        ("A0USDT", "A0*", set()),
    ],
)
def test_lists_choose_by_name_and_wildcard_and_exclusion_wins(symbols, excluded, taken):
    environment = {**PLACES, "SYMBOLS": symbols, "SYMBOLS_EXCLUDED": excluded}
    choice = load_settings(DetectSettings, environment).symbol_choice
    assert set(filter(choice.takes, ALL)) == taken


@pytest.mark.parametrize("wrong", ["BTC/USDT", "BTC-USDT", "A[0USDT", "A0USDT;A1USDT", "A]"])
def test_what_cannot_be_a_symbol_is_refused_by_name(wrong):
    with pytest.raises(SettingsError, match=r"SYMBOLS=.* cannot be a symbol: it must be symbols"):
        load_settings(DetectSettings, {**PLACES, "SYMBOLS": wrong})


def test_names_and_patterns_that_nothing_fits_are_named():
    choice = SymbolChoice(("A0USDT", "GONEUSDT", "B*"), ("A4*", "C?"))
    assert choice.unlisted(ALL) == ["GONEUSDT", "B*", "C?"]


@pytest.mark.parametrize("detector", ["ewma", "boosted"])
def test_another_choice_takes_effect_with_the_next_scan(detector):
    rig = Rig(detector=detector).ready()
    rig.tick(0)
    assert watched(rig.detect) == ALL
    fewer = changed(rig, symbols="A[0-2]USDT", symbols_excluded="A1USDT")
    report = rig.tick(1, detect=fewer)
    assert (watched(fewer), report.symbols) == ({"A0USDT", "A2USDT"}, 2)
    rig.tick(2, detect=fewer)
    more = changed(rig, symbols="", symbols_excluded="")
    report = rig.tick(3, detect=more)
    assert (watched(more), report.symbols, report.warming_up) == (ALL, 5, 3)
    for minute in range(4, 8):
        report = rig.tick(minute, detect=more)
    assert report.warming_up == 0
    kept = set(more._bursts.market_ring.symbols)
    assert kept == (ALL if detector == "boosted" else set())


def test_what_stays_watched_keeps_its_history():
    rig = Rig().ready()
    rig.tick(0)
    through = int(rig.detect._state.through[rig.detect._state.rows["A2USDT"]])
    fewer = changed(rig, symbols="A2USDT")
    rig.market.candle_requests.clear()
    report = rig.tick(1, detect=fewer)
    assert report.warming_up == 0
    assert [one.start for one in rig.market.candle_requests] == [through] * (report.refreshed)


def test_an_event_of_a_symbol_that_is_not_watched_any_more_goes_on_to_its_end():
    rig = Rig().ready()
    rig.pump("A0USDT", 1)
    rig.pump("A1USDT", 4, rise=1.3)
    for minute in range(2):
        rig.tick(minute)
    assert rig.found() == [("A0USDT", "rising")]
    other = changed(rig, symbols="A2USDT")
    for minute in range(2, 6):
        rig.tick(minute, detect=other)
    # By its price, and not by the time that an event may take.
    assert rig.found() == [("A0USDT", "rising"), ("A0USDT", "over")]
    (event,) = rig.events.current()
    assert (event.phase, event.updated < START + 4 * MINUTE) == (Phase.OVER, True)
    assert watched(other) == {"A2USDT"}
    for minute in range(6, 50):
        rig.tick(minute, detect=other)
    assert rig.events.current() == []


@pytest.mark.parametrize("detector", ["ewma", "boosted"])
def test_a_choice_that_nothing_fits_watches_nothing_and_says_so(detector, caplog):
    rig = Rig(detector=detector).ready()
    rig.tick(0)
    nothing = changed(rig, symbols="A0USD")
    with caplog.at_level(logging.WARNING):
        report = rig.tick(1, detect=nothing)
    assert (report.symbols, report.candidates, watched(nothing)) == (0, 0, set())
    (line,) = [one for one in caplog.records if "lists nothing" in one.message]
    assert line.reason == "A0USD"
    rig.tick(2, detect=nothing)
    again = changed(rig, symbols="A*")
    assert rig.tick(3, detect=again).symbols == 5


def test_another_choice_may_leave_out_most_of_the_market():
    rig = Rig().ready()
    kinds = dict.fromkeys(ALL, "stock") | {"A0USDT": ""}
    rig.market.watchlist = lambda: kinds
    rig.settings = rig.settings.model_copy(update={"excluded_symbol_types": ""})
    rig.detect = rig.new_instance()
    assert rig.tick(0).symbols == 5
    other = changed(rig, excluded_symbol_types="stock")
    assert rig.tick(1, detect=other).symbols == 1


def test_a_short_list_of_the_exchange_is_still_not_believed():
    rig = Rig().ready()
    rig.detect = changed(rig, symbols="A[0-3]USDT")
    rig.tick(0)
    whole = rig.market.watchlist
    rig.market.watchlist = lambda: {"A0USDT": whole()["A0USDT"]}
    rig.detect._state.instruments_time = START - 120 * MINUTE
    assert rig.tick(1).symbols == 4


def test_a_state_that_was_saved_before_there_were_lists_goes_on():
    rig = Rig().ready()
    rig.tick(0)
    arrays = dict(rig.history.load_state("detect"))
    del arrays["chosen"]
    rig.history.save_state("detect", arrays)
    cold = rig.new_instance()
    assert rig.tick(1, detect=cold).warming_up == 0
