"""Odd answers about one symbol cost nobody else anything, and it only what the field was for."""

import copy
from functools import cache

import numpy as np
import pytest
from support.detect_rig import START, Rig
from support.wire_market import TICKER, on_the_wire

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.errors import ExchangeUnavailable

NOTHING = object()
ODD = [NOTHING, "", "0", "-1", "NaN", None, [], {"a": 1}, "x" * 300, True]
SPOILED = {f"A{4 + number}USDT": value for number, value in enumerate(ODD)}
PUMPED, OTHER = "A4USDT", "A17USDT"
SYMBOLS = 20


def changed(row, key, value):
    copied = dict(row) if isinstance(row, dict) else list(row)
    if value is NOTHING:
        del copied[key]
    else:
        copied[key] = value
    return copied


def spoiling(endpoint, change, when=lambda row: True):
    """Return a spoiler: the rows of a symbol in `SPOILED` go through `change(row, its value)`."""

    def spoil(asked, result):
        if asked is not endpoint:
            return result
        rows = []
        for row in result["list"]:
            symbol = result.get("symbol") or row["symbol"]
            bad = symbol in SPOILED and when(row)
            rows.append(change(row, SPOILED[symbol]) if bad else row)
        return result | {"list": rows}

    return spoil


@cache
def saved(detector):
    """Return the stores of a rig whose history is there."""
    rig = Rig(SYMBOLS, detector=detector)
    on_the_wire(rig)
    rig.ready()
    return rig.history


def rigged(spoil=None, *, detector="ewma"):
    """Return a rig on the wire with its history; many symbols, odd ones too, pump in minute 3."""
    rig = Rig(SYMBOLS, detector=detector)
    rig.history = copy.deepcopy(saved(detector))
    session = on_the_wire(rig)
    for symbol in (*SPOILED, OTHER):
        rig.pump(symbol, 3, rise=1.4, flow=20_000)
    session.spoil = spoil or session.spoil
    return rig, session


def play(spoil=None, *, detector="ewma"):
    """Return the reports of six minutes and the signals."""
    rig, _ = rigged(spoil, detector=detector)
    reports = [rig.tick(minute) for minute in range(6)]
    return reports, sorted(rig.found())


@pytest.fixture(scope="module")
def sound():
    return play()[1]


def pumped(found):
    return {symbol for symbol, _ in found}


def test_all_pumps_are_signalled_when_all_is_well(sound):
    assert pumped(sound) == {*SPOILED, OTHER}


@pytest.mark.parametrize("key", [*TICKER, "nextFundingTime", "symbol"])
def test_no_field_of_a_ticker_loses_a_symbol(sound, key):
    reports, found = play(spoiling(e.TICKERS, lambda row, value: changed(row, key, value)))
    # Without a price an event does not go on.
    assert pumped(found) == pumped(sound)
    needed = key not in {"markPrice", "fundingRate", "nextFundingTime"}
    assert (reports[-1].skipped > 0) == needed


def test_a_ticker_that_is_no_object_or_comes_twice_loses_nobody(sound):
    def twice(asked, result):
        if asked is not e.TICKERS:
            return result
        lower = [row | {"highPrice24h": row["lowPrice24h"]} for row in result["list"]]
        return result | {"list": [*lower[:10], 7, *result["list"]]}

    assert pumped(play(twice)[1]) == pumped(sound)
    lost = play(spoiling(e.TICKERS, lambda row, value: [row]))[1]
    assert pumped(lost) == pumped(sound)


@pytest.mark.parametrize("minute", [2, 3])
def test_a_day_that_shrank_by_more_than_can_have_left_it_is_not_believed(sound, minute):
    """Once: the amount fits its volume, and only the look before says that it cannot be."""

    def small(row, _):
        volume = float(row["volume24h"]) / 100
        return row | {"volume24h": repr(volume), "turnover24h": repr(volume * 10)}

    rig, session = rigged()
    for now in range(6):
        odd = spoiling(e.TICKERS, small) if now == minute else None
        session.spoil = odd or (lambda asked, result: result)
        rig.tick(now)
    assert sorted(rig.found()) == sound


def test_a_turnover_that_does_not_fit_the_volume_is_not_believed(sound):
    spoil = spoiling(e.TICKERS, lambda row, _: row | {"turnover24h": "0.5"})
    assert pumped(play(spoil)[1]) == pumped(sound)


def test_a_high_that_is_below_the_last_price_is_old(sound):
    spoil = spoiling(e.TICKERS, lambda row, _: row | {"highPrice24h": row["lowPrice24h"]})
    assert play(spoil)[1] == sound


CONTRACT = ["contractType", "status", "settleCoin", "symbolType", "isPreListing", "launchTime"]
CONTRACT += ["deliveryTime", "fundingInterval", "priceFilter", "lotSizeFilter", "leverageFilter"]


@pytest.mark.parametrize("key", ["symbol", *CONTRACT])
def test_no_field_of_a_contract_loses_a_symbol(sound, key):
    rig, session = rigged(spoiling(e.INSTRUMENTS, lambda row, value: changed(row, key, value)))
    rig.tick(0)
    rig.detect._state.instruments_time = 0
    for minute in range(1, 6):
        rig.tick(minute)
    assert session.asked.count(e.INSTRUMENTS) == 1
    assert sorted(rig.found()) == sound


HISTORY = START - 6 * HOUR


def at(time):
    return lambda row: row[0] == str(time)


@pytest.mark.parametrize("column", range(7))
@pytest.mark.parametrize("detector", ["ewma", "boosted"])
def test_an_impossible_candle_of_the_past_is_a_gap(column, detector):
    rig = Rig(4, detector=detector)
    session = on_the_wire(rig)
    values = iter(["", "-1", "x", "1e300"])
    symbols = {f"A{number}USDT": next(values) for number in range(4)}

    def spoil(asked, result):
        if asked is not e.KLINE:
            return result
        value = symbols[result["symbol"]]
        rows = [changed(row, column, value) if at(HISTORY)(row) else row for row in result["list"]]
        return result | {"list": rows}

    session.spoil = spoil
    rig.ready()
    for number in set(rig.detect._state.slice_of.tolist()):
        candles = rig.history.load_slice(number, interval=MINUTE)
        gap = candles.open_time == HISTORY
        assert gap.sum() == 1
        assert (np.isnan(candles.close) == gap).all()
    for symbol in symbols:
        rig.pump(symbol, 3, rise=1.4, flow=20_000)
    for minute in range(5):
        rig.tick(minute)
    assert pumped(rig.found()) == set(symbols)


def test_a_candle_that_is_impossible_once_is_asked_for_again(sound):
    when = at(START + 3 * MINUTE)
    rig, session = rigged(spoiling(e.KLINE, lambda row, value: changed(row, 2, "x"), when))
    seen = [rig.tick(minute) for minute in range(5)]
    assert pumped(rig.found()) == {OTHER}
    assert seen[-1].bad_candles >= len(SPOILED)
    session.spoil = lambda asked, result: result
    rig.tick(5)
    assert pumped(rig.found()) == pumped(sound)


@pytest.mark.parametrize(
    "answer",
    [None, 7, [], {}, {"list": None}, {"list": [7, None]}, {"list": [["1"]]}],
)
def test_a_symbol_whose_candles_are_no_candles_hurts_nobody_else(sound, answer):
    def spoil(asked, result):
        return answer if asked is e.KLINE and result["symbol"] == PUMPED else result

    reports, found = play(spoil)
    assert found == [one for one in sound if one[0] != PUMPED]
    assert reports[4].candidates_unjudged == 1
    assert reports[4].skipped >= 1


def test_a_tickers_answer_without_any_symbol_fails_a_tick_and_loses_nothing(sound):
    rig, session = rigged()
    rig.tick(0)
    session.spoil = lambda asked, result: {"list": [7, 8]}
    with pytest.raises(ExchangeUnavailable, match="no row names a symbol"):
        rig.tick(1)
    session.spoil = lambda asked, result: result
    for minute in range(2, 6):
        rig.tick(minute)
    assert sorted(rig.found()) == sound


def test_an_empty_list_of_contracts_is_not_believed_and_asked_for_again():
    rig = Rig(symbols=4)
    session = on_the_wire(rig)
    session.spoil = lambda asked, result: (
        result | {"list": []} if asked is e.INSTRUMENTS else result
    )
    assert rig.tick(0).symbols == 0
    session.spoil = lambda asked, result: result
    assert rig.tick(1).symbols == 4
