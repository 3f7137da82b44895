"""Candles, trades and books as Bybit sends them: what cannot be true is left out."""

from decimal import Decimal

import pytest
from support.bybit_rows import START, listing
from support.stub_bybit import STAMP, Reply, ok, refused

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import (
    BadMarketData,
    ExchangeForbidden,
    ExchangeUnavailable,
    UnknownSymbol,
)


def kline(*rows, symbol="AUSDT", **reply):
    return ok({"symbol": symbol, "category": "linear", "list": list(rows)}, **reply)


def row(minute, *prices, volume="1", turnover="2"):
    return [str(START + minute * MINUTE), *prices, volume, turnover]


GOOD = ("1", "2", "0.5", "1.5")


def ask(market, symbol="AUSDT", minutes=3):
    request = CandleRequest(symbol, MINUTE, START - minutes * MINUTE, START)
    return market.candles([request])[symbol]


def test_candles_are_turned_round_and_the_last_is_forming(stub, market):
    stub.answer(e.KLINE.path, kline(row(0, *GOOD), row(-1, "3", "3", "3", "3")))
    series = ask(market)
    assert series.open_time.tolist() == [START - MINUTE, START]
    assert series.values[0].tolist() == [3, 3, 3, 3, 1, 2]
    assert series.forming


BAD_CANDLES = [
    ("not a number", row(0, "1", "NaN", "0.5", "1")),
    ("empty", row(0, "1", "", "0.5", "1")),
    ("zero", row(0, "1", "2", "0", "1")),
    ("negative", row(0, "1", "2", "-1", "1")),
    ("high below low", row(0, "1", "0.4", "0.5", "1")),
    ("close above high", row(0, "1", "1.2", "0.5", "1.3")),
    ("negative volume", row(0, *GOOD, volume="-1")),
    ("off the grid", [str(START - 30_000), *GOOD, "1", "2"]),
    ("too short", ["1", "2"]),
    ("no time", ["soon", *GOOD, "1", "2"]),
    ("null", None),
    ("nested", [[["1"]]]),
    ("a text", "1234567"),
    ("an object", {"0": "1"}),
]


@pytest.mark.parametrize(
    "odd", [row for _, row in BAD_CANDLES], ids=[name for name, _ in BAD_CANDLES]
)
def test_a_candle_that_cannot_be_true_is_a_gap(stub, market, odd):
    stub.answer(e.KLINE.path, kline(row(0, *GOOD), odd, row(-2, *GOOD), row(-3, *GOOD)))
    series = ask(market)
    assert series.open_time.tolist() == [START - 3 * MINUTE, START - 2 * MINUTE, START]
    assert (series.values == [1, 2, 0.5, 1.5, 1, 2]).all()
    assert (series.impossible, series.forming) == (1, True)
    stub.answer(e.KLINE.path, kline(odd), kline(row(0, *GOOD), symbol="BUSDT"))
    requests = [CandleRequest(s, MINUTE, START - 3 * MINUTE, START) for s in ("AUSDT", "BUSDT")]
    found = market.candles(requests)
    assert isinstance(found["AUSDT"], BadMarketData)
    assert "AUSDT" in str(found["AUSDT"])
    assert len(found["BUSDT"].open_time) == 1


def test_more_columns_another_order_and_repeated_candles_change_nothing(stub, market):
    rows = [row(-2, *GOOD), row(0, *GOOD), row(-1, *GOOD), row(-1, *GOOD)]
    stub.answer(e.KLINE.path, kline(*rows), kline(*([*one, "0"] for one in rows)))
    for _ in range(2):
        series = ask(market)
        assert series.open_time.tolist() == [START - 2 * MINUTE, START - MINUTE, START]
        assert (series.impossible, series.forming) == (0, True)
    stub.answer(e.KLINE.path, kline([*rows[0], "0", {}], rows[1]))
    assert len(ask(market).open_time) == 2


def test_of_two_candles_of_a_minute_the_later_one_counts(stub, market):
    more = row(-1, "1", "3", "0.5", "1.5", turnover="9")
    for twice in ([more, row(-1, *GOOD)], [row(-1, *GOOD), more]):
        stub.answer(e.KLINE.path, kline(row(0, *GOOD), *twice, row(-2, *GOOD)))
        series = ask(market)
        assert series.open_time.tolist() == [START - 2 * MINUTE, START - MINUTE, START]
        assert series.values[1].tolist() == [1, 3, 0.5, 1.5, 1, 9]


def test_candles_of_another_symbol_are_refused(stub, market):
    stub.answer(e.KLINE.path, kline(row(0, *GOOD), symbol="BUSDT"))
    assert isinstance(ask(market), BadMarketData)


def test_candles_outside_the_range_are_left_out(stub, market):
    stub.answer(e.KLINE.path, kline(row(1, *GOOD), row(0, *GOOD), row(-9, *GOOD)))
    assert ask(market).open_time.tolist() == [START]


def trade(number, **changes):
    row = {"execId": f"t{number}", "symbol": "AUSDT", "price": "1.5", "size": "20", "side": "Buy"}
    return row | {"time": str(START + number), "isBlockTrade": False} | changes


def recent(market, symbol="AUSDT"):
    return market.recent_trades([symbol])[symbol]


def test_trades_are_turned_round_and_a_thousand_of_them_are_asked_for(stub, market):
    late = trade(7, side="Sell", price="2", size="3")
    stub.answer(e.RECENT_TRADES.path, listing(late, trade(5, price="1.6"), trade(5), trade(1)))
    trades = recent(market)
    assert trades.time.tolist() == [START + number for number in (1, 5, 5, 7)]
    assert trades.price.tolist() == [1.5, 1.5, 1.6, 2.0]
    assert trades.quantity.tolist() == [20, 20, 20, 3]
    assert trades.bought.tolist() == [True, True, True, False]
    assert trades.since == START + 2
    assert stub.requests[-1].query == {"category": "linear", "symbol": "AUSDT", "limit": "1000"}


def test_an_empty_answer_says_that_the_trades_are_not_known(stub, market):
    stub.answer(e.RECENT_TRADES.path, listing())
    found = recent(market)
    assert isinstance(found, ExchangeUnavailable)
    assert "AUSDT: the exchange shows no trades" in str(found)


def test_trades_agreed_off_the_book_are_left_out_and_the_reach_stays(stub, market):
    stub.answer(e.RECENT_TRADES.path, listing(trade(9), trade(4, isBlockTrade=True)))
    trades = recent(market)
    assert (trades.time.tolist(), trades.since) == ([START + 9], START + 5)


BAD_TRADES = [
    ("no row", None),
    ("a list", ["1"]),
    ("another symbol", trade(1, symbol="BUSDT")),
    ("no side", trade(1, side="")),
    ("unknown side", trade(1, side="Bought")),
    ("odd side", trade(1, side=["Buy"])),
    ("price is no number", trade(1, price="NaN")),
    ("price is zero", trade(1, price="0")),
    ("price is missing", trade(1, price=None)),
    ("size is negative", trade(1, size="-1")),
    ("size is a number", trade(1, size=1.5)),
    ("time is no time", trade(1, time="soon")),
    ("time is far away", trade(1, time="9" * 30)),
]


@pytest.mark.parametrize(
    "bad", [row for _, row in BAD_TRADES], ids=[name for name, _ in BAD_TRADES]
)
def test_behind_a_row_that_is_no_trade_nothing_is_known(stub, market, bad):
    rows = [trade(5), trade(3), trade(3), bad, trade(0)]
    stub.answer(e.RECENT_TRADES.path, ok({"list": rows}), ok({"list": [bad, trade(0)]}))
    trades = recent(market)
    assert trades.since == START + 4
    assert trades.between(trades.since, STAMP).time.tolist() == [START + 5]
    found = recent(market)
    assert isinstance(found, BadMarketData)
    assert "AUSDT" in str(found)


@pytest.mark.parametrize("time", ["5", str(START + 900)])
def test_a_trade_in_the_wrong_order_hides_what_is_behind_it(stub, market, time):
    rows = [trade(7), trade(6), trade(4, time=time), trade(2), trade(1)]
    stub.answer(e.RECENT_TRADES.path, listing(*rows))
    assert recent(market).since > START + 6


@pytest.mark.parametrize("result", [None, [], {"list": None}, {"list": {}}, {}])
def test_an_answer_without_a_list_of_trades_is_refused(stub, market, result):
    stub.answer(e.RECENT_TRADES.path, ok(result))
    assert isinstance(recent(market), BadMarketData)


def test_a_page_is_a_thousand_candles_and_ranges_do_not_overlap(stub, market):
    stub.answer(e.KLINE.path, kline())
    ask(market, minutes=2_000)
    bounds = [(int(r.query["start"]), int(r.query["end"])) for r in stub.requests]
    assert all(r.query["limit"] == "1000" for r in stub.requests)
    assert bounds[0] == (START - 2_000 * MINUTE, START - 1_001 * MINUTE)
    assert bounds[1] == (START - 1_000 * MINUTE, START - MINUTE)
    assert bounds[2] == (START, START)


def test_an_unavailable_symbol_is_returned_and_a_403_is_raised(stub, market):
    stub.answer(e.KLINE.path, Reply(status=500))
    assert isinstance(ask(market), ExchangeUnavailable)
    stub.answer(e.KLINE.path, refused(10001, "Not supported symbols"))
    assert isinstance(ask(market), UnknownSymbol)
    stub.answer(e.KLINE.path, Reply(status=403))
    with pytest.raises(ExchangeForbidden):
        ask(market)


def test_a_symbol_asked_for_twice_is_a_mistake(market):
    request = CandleRequest("AUSDT", MINUTE, START, START)
    with pytest.raises(ValueError, match="twice"):
        market.candles([request, request])
    with pytest.raises(ValueError, match="no candles"):
        market.candles([CandleRequest("AUSDT", 7, START, START)])


@pytest.mark.parametrize(
    "result",
    [
        {"s": "BUSDT", "b": [], "a": []},
        {"s": "AUSDT", "b": []},
        {"s": "AUSDT", "b": [["1"]], "a": []},
        {"s": "AUSDT", "b": [["1", "NaN"]], "a": []},
        {"s": "AUSDT", "b": [["0", "1"]], "a": []},
        {"s": "AUSDT", "b": [["1", "1"], ["2", "1"]], "a": []},
        {"s": "AUSDT", "b": [["1", "1"], ["1", "1"]], "a": []},
        {"s": "AUSDT", "b": [], "a": [None, ["1", "1"]]},
        {"s": "AUSDT", "b": [["2", "1"]], "a": [["1", "1"]]},
    ],
)
def test_a_malformed_book_is_bad_market_data(stub, market, result):
    stub.answer(e.ORDER_BOOK.path, ok(result))
    with pytest.raises(BadMarketData):
        market.order_book("AUSDT")


@pytest.mark.parametrize("odd", [["x", "1"], ["4", "0"], ["4"], None, 7, {}, [True, "1"]])
def test_a_level_that_cannot_be_true_ends_its_side(stub, market, odd):
    asks = [["2", "1"], ["3", "1", "0"], odd, ["5", "1"]]
    stub.answer(e.ORDER_BOOK.path, ok({"s": "AUSDT", "b": [["1", 2]], "a": asks}))
    book = market.order_book("AUSDT")
    assert book.asks == ((Decimal(2), Decimal(1)), (Decimal(3), Decimal(1)))
    assert book.bids == ((Decimal(1), Decimal(2)),)


def test_of_two_levels_in_the_wrong_order_neither_is_believed(stub, market):
    asks = [["2", "1"], ["9", "1"], ["4", "1"], ["5", "1"]]
    stub.answer(e.ORDER_BOOK.path, ok({"s": "AUSDT", "b": [], "a": asks}))
    assert market.order_book("AUSDT").asks == ((Decimal(2), Decimal(1)),)


def test_a_side_of_the_book_can_be_empty(stub, market):
    stub.answer(e.ORDER_BOOK.path, ok({"s": "AUSDT", "b": [], "a": [["1.5", "20"]]}))
    book = market.order_book("AUSDT")
    assert (book.bids, book.asks) == ((), ((Decimal("1.5"), Decimal(20)),))
