"""What market data must be: Bybit's on the simulator, in process and served."""

from decimal import Decimal

import numpy as np
import pytest
from support.broker_rigs import OTHER, SYMBOL, YOUNG, InProcessRig, bybit_rig
from support.records import is_sound
from support.scripted_market import START

from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.errors import UnknownSymbol


@pytest.fixture(params=["in process", "bybit", "bybit one after another"])
def market(request):
    if request.param == "in process":
        rig = InProcessRig()
        rig.exchange.clock.advance_to(NOW)
        yield rig.market
        return
    with bybit_rig() as rig:
        rig.exchange.clock.advance_to(NOW)
        rig.market._parallel = 4 if request.param == "bybit" else 1
        yield rig.market


NOW = START + 5 * MINUTE + 15_000


def ask(symbol=SYMBOL, start=START, end=NOW, interval=MINUTE):
    return CandleRequest(symbol, interval, start, end)


def only(market, request):
    (found,) = market.candles([request]).values()
    return found


def test_the_time_is_the_exchanges(market):
    assert market.time() == NOW


def test_a_snapshot_holds_the_usdt_perpetuals_and_nothing_else(market):
    snapshot = market.snapshot()
    assert (snapshot.time, snapshot.skipped) == (NOW, ())
    assert set(snapshot.symbols) == {SYMBOL, OTHER, YOUNG}
    prices = dict(zip(snapshot.symbols, snapshot.last_price, strict=True))
    assert (prices[SYMBOL], prices[OTHER]) == (100.0, 50.0)
    for array in (snapshot.mark_price, snapshot.turnover_24h):
        assert array.shape == (3,)
        assert (array > 0).all()
    assert (snapshot.high_24h >= snapshot.low_24h).all()
    assert (snapshot.next_funding > NOW).all()


def test_a_snapshot_of_one_symbol_has_its_row(market):
    whole, one = market.snapshot(), market.snapshot(SYMBOL)
    row, other = one.symbols.index(SYMBOL), whole.symbols.index(SYMBOL)
    assert one.time == NOW
    for name in ("last_price", "mark_price", "funding_rate", "next_funding"):
        assert getattr(one, name)[row] == getattr(whole, name)[other]
    assert "NOSUCHUSDT" not in market.snapshot("NOSUCHUSDT").symbols


def test_instruments_are_the_tradable_usdt_perpetuals(market):
    found = market.instruments()
    assert found.keys() == {SYMBOL, OTHER, YOUNG}
    assert all(symbol == one.symbol for symbol, one in found.items())
    assert found[SYMBOL].tick_size == Decimal("0.01")
    assert found[SYMBOL].min_notional == 5
    assert found[YOUNG].symbol_type == "innovation"


def test_candles_come_oldest_first_and_the_last_is_forming(market):
    series = only(market, ask())
    assert (series.symbol, series.interval, series.forming) == (SYMBOL, MINUTE, True)
    assert series.open_time.tolist() == [START + n * MINUTE for n in range(6)]
    assert series.values.shape == (6, 6)
    assert series.values.dtype == np.float64
    assert is_sound(series)
    assert len(series.closed.open_time) == 5


def test_a_range_in_the_past_has_no_forming_candle(market):
    series = only(market, ask(end=START + 2 * MINUTE))
    assert series.open_time.tolist() == [START, START + MINUTE, START + 2 * MINUTE]
    assert not series.forming


def test_a_start_inside_a_candle_begins_with_the_next_one(market):
    series = only(market, ask(start=START + 1, end=START + 2 * MINUTE))
    assert series.open_time.tolist() == [START + MINUTE, START + 2 * MINUTE]


def test_long_ranges_are_joined_without_a_gap(market):
    series = only(market, ask(start=START - 2345 * MINUTE))
    assert len(series.open_time) == 2351
    assert (np.diff(series.open_time) == MINUTE).all()
    assert series.forming


def test_a_range_that_ends_before_it_starts_is_empty(market):
    series = only(market, ask(end=START - MINUTE))
    assert (len(series.open_time), series.values.shape) == (0, (0, 6))
    assert not series.forming


def test_candles_begin_with_the_launch(market):
    series = only(market, ask(YOUNG, start=START - HOUR))
    assert int(series.open_time[0]) == START - 30 * MINUTE


def test_an_unknown_symbol_is_its_own_error_and_no_other(market):
    requests = [ask(), ask("NOSUCHUSDT"), ask(OTHER), ask(YOUNG)]
    found = market.candles(requests)
    assert list(found) == [SYMBOL, "NOSUCHUSDT", OTHER, YOUNG]
    assert isinstance(found["NOSUCHUSDT"], UnknownSymbol)
    assert all(len(found[symbol].open_time) == 6 for symbol in (SYMBOL, OTHER, YOUNG))


def test_no_request_gives_no_candles(market):
    assert market.candles([]) == {}


def test_recent_trades_come_oldest_first_and_say_how_far_they_reach(market):
    (trades,) = market.recent_trades([SYMBOL]).values()
    assert len(trades.time) > 100
    assert (np.diff(trades.time) >= 0).all()
    assert START - 121 * MINUTE < trades.since < int(trades.time[50])
    assert NOW - MINUTE < int(trades.time[-1]) <= NOW
    assert (trades.price == 100.0).all()
    assert (trades.quantity > 0).all()
    assert set(trades.bought.tolist()) == {True, False}


def test_trades_of_a_complete_minute_give_its_candle(market):
    (trades,) = market.recent_trades([SYMBOL]).values()
    minute = trades.between(START + 4 * MINUTE, START + 5 * MINUTE)
    candle = only(market, ask(start=START + 4 * MINUTE, end=START + 4 * MINUTE)).values[0]
    assert minute.since <= START + 4 * MINUTE
    assert minute.quantity.sum() == pytest.approx(candle[4], abs=1e-3)
    assert (minute.price * minute.quantity).sum() == pytest.approx(candle[5], rel=1e-3)


def test_trades_of_an_unknown_symbol_are_its_own_error_and_no_other(market):
    found = market.recent_trades([SYMBOL, "NOSUCHUSDT", YOUNG])
    assert list(found) == [SYMBOL, "NOSUCHUSDT", YOUNG]
    assert isinstance(found["NOSUCHUSDT"], UnknownSymbol)
    assert all(len(found[symbol].time) for symbol in (SYMBOL, YOUNG))
    assert market.recent_trades([]) == {}


def test_the_book_is_sorted_from_the_best_price(market):
    book = market.order_book(SYMBOL)
    assert book.symbol == SYMBOL
    bids, asks = [price for price, _ in book.bids], [price for price, _ in book.asks]
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < 100 < asks[0] or bids[0] <= 100 <= asks[0]


def test_the_book_of_an_unknown_symbol_is_refused(market):
    with pytest.raises(UnknownSymbol):
        market.order_book("NOSUCHUSDT")
