"""What only Bybit's adapters have to deal with: pages, look-ups in three lists, odd rows."""

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from support.bybit_rows import START, contract, execution, listing, order, position, ticker
from support.records import an_entry, an_exit
from support.stub_bybit import STAMP, Reply, ok, refused

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.market.candles import MINUTE, CandleRequest
from pumpwatch.domain.trading.access import Access, refusals, warnings
from pumpwatch.domain.trading.orders import Account, FillKind, OrderState, Side, StopTrigger
from pumpwatch.errors import (
    BadMarketData,
    ExchangeForbidden,
    ExchangeUnavailable,
    InvariantBroken,
    KeyRefused,
    OutcomeUnknown,
    Rejected,
    UnknownSymbol,
    UnreadableAnswer,
)

DAY = 86_400_000


# --- market ------------------------------------------------------------------------------


BAD_ROWS = [
    ("a price is missing", {"lastPrice": None}),
    ("a price is empty", {"lowPrice24h": ""}),
    ("a price is not a number", {"lastPrice": "NaN"}),
    ("a price is infinite", {"highPrice24h": "inf"}),
    ("a price is zero", {"lastPrice": "0"}),
    ("a price is negative", {"lastPrice": "-1"}),
    ("a price is a list", {"lastPrice": [1]}),
    ("a price is true", {"lastPrice": True}),
    ("a price has an underscore", {"lastPrice": "1_5"}),
    ("a price has other digits", {"lastPrice": "\u0661"}),
    ("a price is too large", {"lastPrice": "1e999"}),
    ("the high is below the low", {"highPrice24h": "0.5"}),
    ("the turnover is negative", {"turnover24h": "-1"}),
    ("the volume is missing", {"volume24h": None}),
]


@pytest.mark.parametrize(
    "changes", [row for _, row in BAD_ROWS], ids=[name for name, _ in BAD_ROWS]
)
def test_a_row_that_cannot_be_true_is_skipped_and_named(stub, market, changes):
    stub.answer(e.TICKERS.path, listing(ticker(), ticker("BUSDT", **changes), ticker("CUSDT")))
    snapshot = market.snapshot()
    assert snapshot.symbols == ("AUSDT", "CUSDT")
    assert snapshot.skipped == ("BUSDT",)
    assert snapshot.turnover_24h.tolist() == [15.75, 15.75]
    assert snapshot.funding_rate.tolist() == [-0.0012, -0.0012]
    assert snapshot.next_funding.tolist() == [1_760_025_600_000] * 2


OTHER_FIELDS = {
    "mark_price": "markPrice",
    "bid": "bid1Price",
    "ask": "ask1Price",
    "funding_rate": "fundingRate",
    "next_funding": "nextFundingTime",
}


@pytest.mark.parametrize("value", ["", None, "0", "-1", "NaN", "inf", [1], {}, "5e12", True])
@pytest.mark.parametrize(("name", "key"), OTHER_FIELDS.items())
def test_a_field_that_the_screen_does_not_need_may_be_anything(stub, market, name, key, value):
    stub.answer(e.TICKERS.path, listing(ticker(), ticker("BUSDT", **{key: value}), ticker("CUSDT")))
    snapshot = market.snapshot()
    assert (snapshot.symbols, snapshot.skipped) == (("AUSDT", "BUSDT", "CUSDT"), ())
    assert snapshot.last_price.tolist() == [1.5] * 3
    found = getattr(snapshot, name)
    assert found[0] == found[2] > 0 or name == "funding_rate"
    if not (value == "0" and name == "funding_rate") and value != "5e12":
        assert found[1] == 0 if name == "next_funding" else np.isnan(found[1])


def test_a_crossed_quote_is_no_quote(stub, market):
    stub.answer(e.TICKERS.path, listing(ticker(bid1Price="1.6")))
    snapshot = market.snapshot()
    assert snapshot.symbols == ("AUSDT",)
    assert np.isnan([snapshot.bid[0], snapshot.ask[0]]).all()


def test_numbers_may_come_as_numbers_and_with_an_exponent(stub, market):
    stub.answer(e.TICKERS.path, listing(ticker(lastPrice=1.5, highPrice24h="2E0", volume24h=10)))
    snapshot = market.snapshot()
    assert [snapshot.last_price[0], snapshot.high_24h[0], snapshot.volume_24h[0]] == [1.5, 2, 10]


@pytest.mark.parametrize("odd", [7, None, [], "x", {}, {"symbol": None}, {"symbol": "A\u0000USDT"}])
def test_a_row_without_a_symbol_is_counted_and_hurts_no_other(stub, market, odd, caplog):
    stub.answer(e.TICKERS.path, listing(ticker(), odd, ticker("BUSDT")))
    snapshot = market.snapshot()
    assert snapshot.symbols == ("AUSDT", "BUSDT")
    assert len(snapshot.skipped) == 1
    stub.answer(e.INSTRUMENTS.path, listing(contract("AUSDT"), odd, contract("BUSDT")))
    assert list(market.instruments()) == ["AUSDT", "BUSDT"]
    caplog.clear()
    assert list(market.watchlist()) == ["AUSDT", "BUSDT"]
    assert len(caplog.records) == 1


def test_a_ticker_of_another_symbol_is_refused(stub, market):
    stub.answer(e.TICKERS.path, listing(ticker("BUSDT")))
    with pytest.raises(BadMarketData):
        market.snapshot("AUSDT")
    assert stub.sent(e.TICKERS.path)[-1].query["symbol"] == "AUSDT"


def test_a_symbol_listed_twice_counts_once(stub, market):
    stub.answer(e.TICKERS.path, listing(ticker(), ticker(), ticker("BUSDT")))
    snapshot = market.snapshot()
    assert (snapshot.symbols, snapshot.skipped) == (("AUSDT", "BUSDT"), ())


def test_of_two_rows_that_differ_neither_is_believed(stub, market):
    stub.answer(e.TICKERS.path, listing(ticker(), ticker(lastPrice="9"), ticker("BUSDT")))
    snapshot = market.snapshot()
    assert (snapshot.symbols, snapshot.skipped) == (("BUSDT",), ("AUSDT",))


@pytest.mark.parametrize("result", [None, [], {}, {"list": None}, {"list": {}}])
def test_an_answer_without_a_list_is_unavailable(stub, market, broker, result):
    body = {"retCode": 0, "retMsg": "OK", "result": result, "time": STAMP}
    for endpoint in (e.TICKERS, e.INSTRUMENTS, e.POSITIONS, e.OPEN_ORDERS, e.EXECUTIONS, e.WALLET):
        stub.answer(endpoint.path, Reply(json.dumps(body).encode()))
    questions = [market.snapshot, market.instruments, broker.positions, broker.open_orders]
    questions += [broker.account, lambda: broker.fills("AUSDT", since=STAMP)]
    if result == {"list": [7]}:
        assert [len(ask().unreadable) for ask in questions[2:4]] == [1, 1]
        questions = questions[:2] + questions[4:5]
    for ask in questions:
        with pytest.raises(ExchangeUnavailable):
            ask()


def test_contracts_are_read_until_the_cursor_ends(stub, market):
    first = [contract(f"A{n}USDT") for n in range(500)]
    pages = [
        listing(*first, cursor="A499%3A1"),
        listing(cursor="empty"),
        listing(contract("BUSDT"), contract("A499USDT"), cursor="BUSDT%3A1"),
        listing(contract("CUSDT")),
    ]
    stub.answer(e.INSTRUMENTS.path, *pages, *pages)
    found = market.instruments()
    assert len(found) == 502
    assert len(stub.requests) == 4
    assert stub.requests[1].query["cursor"] == "A499:1"
    assert found["BUSDT"].max_market_quantity == 500
    assert found["BUSDT"].max_leverage == 25
    assert found.keys() == market.watchlist().keys()


def test_a_cursor_that_comes_again_is_an_error_unless_nothing_comes_with_it(stub, market):
    rows = listing(contract("AUSDT"), cursor="same")
    for again in ([rows, rows], [rows, listing(contract("BUSDT"), cursor="other"), rows]):
        stub.answer(e.INSTRUMENTS.path, *again)
        with pytest.raises(ExchangeUnavailable, match="does not end"):
            market.watchlist()
    stub.answer(e.INSTRUMENTS.path, rows, listing(cursor="same"))
    assert list(market.watchlist()) == ["AUSDT"]


UNUSED = {
    "fundingInterval": ["", None, 0, -5, "x", 1.5, [], "9" * 40],
    "launchTime": ["", None, "0", "-1", "soon", {}, "9" * 30],
    "leverageFilter": [None, {}, {"maxLeverage": ""}, {"maxLeverage": "-1"}, [], "x"],
    "symbolType": [None, 5, [], "a\u0000"],
    "riskParameters": [None, {}, [], {"priceLimitRatioX": "x"}],
    "isPreListing": ["false", None, ""],
}


@pytest.mark.parametrize(("name", "value"), [(k, v) for k, vs in UNUSED.items() for v in vs])
def test_what_an_order_does_not_need_may_be_anything(stub, market, name, value):
    stub.answer(e.INSTRUMENTS.path, listing(contract("AUSDT", **{name: value})))
    found = market.instruments()["AUSDT"]
    assert market.watchlist() == {"AUSDT": found.symbol_type}
    assert found.funding_interval_minutes == (0 if name == "fundingInterval" else 480)
    assert found.max_leverage == (1 if name == "leverageFilter" else 25)
    assert (found.launch_time == 0) == (name == "launchTime")


NEEDED = [
    {"priceFilter": value} for value in (None, {}, {"tickSize": ""}, {"tickSize": "0"}, [], "x")
]
NEEDED += [{"lotSizeFilter": None}, {"deliveryTime": "soon"}, {"deliveryTime": "-1"}]
NEEDED += [{"status": "Halted"}, {"contractType": ""}, {"settleCoin": ""}]


@pytest.mark.parametrize("changes", NEEDED)
def test_a_contract_whose_terms_cannot_be_read_is_watched_and_not_traded(stub, market, changes):
    stub.answer(e.INSTRUMENTS.path, listing(contract("AUSDT", **changes), contract("BUSDT")))
    assert list(market.instruments()) == ["BUSDT"]
    assert list(market.watchlist()) == ["AUSDT", "BUSDT"]


LOT = {"qtyStep": "1", "minOrderQty": "1", "maxOrderQty": "1000", "maxMktOrderQty": "500"}


@pytest.mark.parametrize("name", ["qtyStep", "minOrderQty", "maxOrderQty", "maxMktOrderQty"])
@pytest.mark.parametrize("value", ["x", "-1", [], "NaN"])
def test_a_quantity_that_cannot_be_true_is_not_traded(stub, market, name, value):
    stub.answer(e.INSTRUMENTS.path, listing(contract("AUSDT", lotSizeFilter=LOT | {name: value})))
    assert market.instruments() == {}
    assert list(market.watchlist()) == ["AUSDT"]


def test_limits_and_the_delisting_are_read(stub, market):
    ratios = {"priceLimitRatioX": "0.05", "priceLimitRatioY": "0.1"}
    odd = contract(
        "BUSDT", lotSizeFilter=LOT | {"maxMktOrderQty": ""}, deliveryTime="1774598400000"
    )
    stub.answer(
        e.INSTRUMENTS.path,
        listing(contract("AUSDT", lotSizeFilter=LOT, riskParameters=ratios, deliveryTime="0"), odd),
    )
    found = market.instruments()
    assert (found["AUSDT"].max_quantity, found["AUSDT"].max_market_quantity) == (1000, 500)
    assert (found["AUSDT"].price_limit_ratio, found["AUSDT"].delivery_time) == (
        Decimal("0.05"),
        None,
    )
    assert (found["BUSDT"].max_market_quantity, found["BUSDT"].price_limit_ratio) == (1000, None)
    assert found["BUSDT"].delivery_time == 1_774_598_400_000


def test_only_tradable_usdt_perpetuals_are_contracts(stub, market, caplog):
    stub.answer(
        e.INSTRUMENTS.path,
        listing(
            contract("GOODUSDT", symbolType="innovation"),
            contract("GOODPERP", settleCoin="USDC"),
            contract("GOODUSDT-26JUN26", contractType="LinearFutures"),
            contract("PREUSDT", status="PreLaunch"),
            contract("LISTINGUSDT", isPreListing=True),
            contract("BROKENUSDT", priceFilter={"tickSize": ""}),
            contract("ZEROUSDT", priceFilter={"tickSize": "0"}),
        ),
    )
    found = market.instruments()
    assert list(found) == ["GOODUSDT"]
    assert found["GOODUSDT"].symbol_type == "innovation"
    assert len(caplog.records) == 2


def test_a_list_that_never_ends_is_unavailable(stub, broker):
    rows = [order(orderId=str(n)) for n in range(50)]
    stub.answer(e.OPEN_ORDERS.path, listing(*rows, cursor="same"))
    with pytest.raises(ExchangeUnavailable, match="nextPageCursor 'same'"):
        broker.open_orders()
    assert len(stub.requests) == 2


PAGES = [
    ("short pages", [([0], "a"), ([1, 2], "b"), ([3], "")]),
    ("an empty page in between", [([0, 1], "a"), ([], "b"), ([2, 3], "")]),
    ("a cursor on the last page", [([0, 1, 2, 3], "a"), ([], "")]),
    ("an empty page repeats its cursor", [([0, 1, 2, 3], "a"), ([], "a")]),
]


@pytest.mark.parametrize("pages", [pages for _, pages in PAGES], ids=[name for name, _ in PAGES])
def test_lists_are_followed_until_their_cursor_ends(stub, broker, pages):
    def answered(endpoint, row):
        replies = [listing(*map(row, numbers), cursor=cursor) for numbers, cursor in pages]
        stub.answer(endpoint.path, *replies, listing(row(9)))

    answered(e.POSITIONS, lambda n: position(symbol=f"A{n}USDT"))
    answered(e.OPEN_ORDERS, lambda n: order(orderStatus="New", symbol=f"A{n}USDT"))
    answered(e.EXECUTIONS, execution)
    four = ["A0USDT", "A1USDT", "A2USDT", "A3USDT"]
    assert [one.symbol for one in broker.positions()] == four
    assert [one.symbol for one in broker.open_orders()] == four
    fills = broker.fills("PUMPUSDT", since=STAMP)
    assert [one.execution_id for one in fills] == ["e0", "e1", "e2", "e3"]


def test_an_order_of_many_fills_is_added_up_from_every_page(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, listing())
    stub.answer(
        e.EXECUTIONS.path,
        listing(*[execution(n, execQty="1", orderQty="150") for n in range(100)], cursor="a"),
        listing(*[execution(n, execQty="1", orderQty="150") for n in range(99, 150)]),
    )
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.filled_quantity) == (OrderState.FILLED, 150)


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
    ("not a number", [row(0, "1", "NaN", "0.5", "1")]),
    ("empty", [row(0, "1", "", "0.5", "1")]),
    ("zero", [row(0, "1", "2", "0", "1")]),
    ("negative", [row(0, "1", "2", "-1", "1")]),
    ("high below low", [row(0, "1", "0.4", "0.5", "1")]),
    ("close above high", [row(0, "1", "1.2", "0.5", "1.3")]),
    ("negative volume", [row(0, *GOOD, volume="-1")]),
    ("off the grid", [[str(START - 30_000), *GOOD, "1", "2"]]),
    ("too short", [["1", "2"]]),
    ("no time", [["soon", *GOOD, "1", "2"]]),
    ("null", [None]),
    ("nested", [[[["1"]]]]),
    ("a text", ["1234567"]),
    ("an object", [{"0": "1"}]),
]


@pytest.mark.parametrize("odd", [r[0] for _, r in BAD_CANDLES], ids=[n for n, _ in BAD_CANDLES])
def test_a_candle_that_cannot_be_true_is_a_gap(stub, market, odd):
    stub.answer(e.KLINE.path, kline(row(0, *GOOD), odd, row(-2, *GOOD), row(-3, *GOOD)))
    series = ask(market)
    assert series.open_time.tolist() == [START - 3 * MINUTE, START - 2 * MINUTE, START]
    assert (series.values == [1, 2, 0.5, 1.5, 1, 2]).all()
    assert (series.impossible, series.forming) == (1, True)


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


@pytest.mark.parametrize("rows", [r for _, r in BAD_CANDLES], ids=[n for n, _ in BAD_CANDLES])
def test_bad_candles_concern_their_symbol_alone(stub, market, rows):
    stub.answer(e.KLINE.path, kline(*rows), kline(row(0, *GOOD), symbol="BUSDT"))
    requests = [CandleRequest(s, MINUTE, START - 3 * MINUTE, START) for s in ("AUSDT", "BUSDT")]
    found = market.candles(requests)
    assert isinstance(found["AUSDT"], BadMarketData)
    assert "AUSDT" in str(found["AUSDT"])
    assert len(found["BUSDT"].open_time) == 1


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


def test_no_trades_say_nothing_of_the_past(stub, market):
    stub.answer(e.RECENT_TRADES.path, listing())
    trades = recent(market)
    assert (len(trades.time), trades.since) == (0, STAMP)


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


# --- broker ------------------------------------------------------------------------------


def test_an_order_is_looked_for_in_open_orders_then_history_then_executions(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, listing())
    stub.answer(e.EXECUTIONS.path, listing())
    assert broker.find_order("PUMPUSDT", "order-1") is None
    asked = [request.path for request in stub.requests]
    assert asked == [e.OPEN_ORDERS.path, e.ORDER_HISTORY.path, e.EXECUTIONS.path]
    assert all(request.query["orderLinkId"] == "order-1" for request in stub.requests)

    stub.answer(e.EXECUTIONS.path, listing(execution(2, execQty="25.5"), execution(1)))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.filled_quantity) == (OrderState.FILLED, Decimal("45.5"))
    assert (found.average_price, found.fee) == (Decimal("1.1"), Decimal("0.0242"))

    stub.answer(e.EXECUTIONS.path, listing(execution(1)))
    assert broker.find_order("PUMPUSDT", "order-1").state is OrderState.PARTIALLY_FILLED

    stub.answer(e.ORDER_HISTORY.path, listing(order(orderStatus="Cancelled", cumExecQty="1")))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.filled_quantity) == (OrderState.CANCELLED, 1)

    stub.answer(e.OPEN_ORDERS.path, listing(order(orderLinkId="other"), order()))
    assert broker.find_order("PUMPUSDT", "order-1").state is OrderState.FILLED


def test_one_failing_list_never_says_the_order_does_not_exist(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, Reply(status=500))
    stub.answer(e.EXECUTIONS.path, listing())
    with pytest.raises(ExchangeUnavailable):
        broker.find_order("PUMPUSDT", "order-1")


def test_a_refused_order_says_why(stub, broker):
    reason = "EC_NoImmediateQtyToFill"
    row = order(orderStatus="Cancelled", cumExecQty="0", avgPrice="", rejectReason=reason)
    stub.answer(e.OPEN_ORDERS.path, listing(row))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.average_price, found.filled_quantity) == (None, 0)
    assert found.reject_reason == reason


def test_fills_follow_pages_and_windows_of_a_week(stub, broker):
    full = [execution(n) for n in range(100)]
    stub.answer(
        e.EXECUTIONS.path,
        listing(*full, cursor="next%3A1"),
        listing(execution(100)),
        listing(execution(100), execution(101)),
    )
    fills = broker.fills("PUMPUSDT", since=STAMP - 10 * DAY)
    assert [fill.execution_id for fill in fills] == [f"e{n}" for n in range(102)]
    first, second, third = (request.query for request in stub.requests)
    assert int(first["startTime"]) == STAMP - 10 * DAY
    assert int(first["endTime"]) == STAMP - 3 * DAY - 1
    assert second["cursor"] == "next:1"
    assert int(third["startTime"]) == STAMP - 3 * DAY
    assert "endTime" not in third


KINDS = [
    ({}, FillKind.TRADE, ""),
    ({"execType": "Funding", "orderLinkId": ""}, FillKind.FUNDING, ""),
    ({"execType": "AdlTrade"}, FillKind.AUTO_DELEVERAGING, ""),
    ({"execType": "BustTrade"}, FillKind.LIQUIDATION, ""),
    ({"createType": "CreateByLiq"}, FillKind.LIQUIDATION, ""),
    ({"createType": "CreateByAdl_PassThrough"}, FillKind.AUTO_DELEVERAGING, ""),
    ({"createType": "CreateByTakeOver_PassThrough"}, FillKind.LIQUIDATION, ""),
    ({"createType": "CreateBySettle"}, FillKind.SETTLEMENT, ""),
    ({"createType": "CreateByClosing"}, FillKind.TRADE, ""),
    ({"createType": "CreateByStopLoss"}, FillKind.TRADE, "stop_loss"),
    ({"createType": "CreateByPartialTakeProfit"}, FillKind.TRADE, "take_profit"),
    ({"createType": "CreateByTrailingStop"}, FillKind.TRADE, "trailing_stop"),
    ({"execType": "BlockTrade"}, FillKind.TRADE, ""),
    ({"execType": "MovePosition"}, FillKind.TRADE, ""),
    ({"execType": "FutureSpread"}, FillKind.TRADE, ""),
    ({"execType": "CorporateAction"}, FillKind.OTHER, ""),
    ({"execType": "UNKNOWN"}, FillKind.OTHER, ""),
    ({"execType": "Delivery"}, FillKind.SETTLEMENT, ""),
    ({"execType": "Settle"}, FillKind.SETTLEMENT, ""),
    ({"execType": "SomethingNew"}, FillKind.OTHER, ""),
    ({"stopOrderType": "StopLoss"}, FillKind.TRADE, "stop_loss"),
    ({"stopOrderType": "PartialTakeProfit"}, FillKind.TRADE, "take_profit"),
    ({"stopOrderType": "TrailingStop"}, FillKind.TRADE, "trailing_stop"),
]


@pytest.mark.parametrize(("changes", "kind", "trigger"), KINDS)
def test_every_kind_of_fill_is_told_apart(stub, broker, changes, kind, trigger):
    stub.answer(e.EXECUTIONS.path, listing(execution(**changes)))
    (fill,) = broker.fills("PUMPUSDT", since=STAMP)
    assert (fill.kind, fill.trigger) == (kind, trigger)


def test_a_position_without_a_stop_has_none(stub, broker):
    rows = [position(), position(symbol="FLATUSDT", size="", side=""), position(size="0")]
    stub.answer(e.POSITIONS.path, listing(*rows))
    (found,) = broker.positions()
    assert (found.side, found.quantity, found.leverage) == (Side.SELL, Decimal("45.5"), 1)
    assert found.stop_loss is found.take_profit is found.liquidation_price is None
    stub.answer(e.POSITIONS.path, listing(position(stopLoss="0", takeProfit="0.9")))
    (found,) = broker.positions()
    assert (found.stop_loss, found.take_profit) == (None, Decimal("0.9"))


@pytest.mark.parametrize("field", ["side", "size", "positionIdx", "symbol"])
@pytest.mark.parametrize("value", ["", None, "odd", {}, "a\u0000"])
def test_a_position_that_cannot_be_read_is_a_value_beside_the_others(stub, broker, field, value):
    if (field, value) == ("symbol", "odd"):
        return
    bad = position(symbol="ODDUSDT") | {field: value}
    stub.answer(e.POSITIONS.path, listing(position(), bad, 7, position(symbol="BUSDT")))
    found = broker.positions()
    assert [one.symbol for one in found] == ["PUMPUSDT", "BUSDT"]
    odd, seven = found.unreadable
    assert (odd.source, odd.order_id) == ("positions", "")
    assert odd.symbol == ("" if field == "symbol" else "ODDUSDT")
    assert field in odd.reason
    if isinstance(value, str):
        assert repr(value) in odd.reason
    assert (seven.symbol, "7 is no object" in seven.reason) == ("", True)
    assert found.unreadable_of("PUMPUSDT") == tuple(r for r in (odd, seven) if not r.symbol)


@pytest.mark.parametrize(
    "field",
    ["leverage", "unrealisedPnl", "createdTime", "updatedTime", "takeProfit", "riskId", "openTime"],
)
@pytest.mark.parametrize("value", ["", None, "odd", {}, "-1", 7])
def test_what_nothing_depends_on_never_makes_a_position_unreadable(stub, broker, field, value):
    stub.answer(e.POSITIONS.path, listing(position(**{field: value})))
    found = broker.positions()
    assert [one.quantity for one in found] == [Decimal("45.5")]
    assert not found.unreadable


@pytest.mark.parametrize("value", ["", "0", None, "NaN", "-2", {}])
def test_one_price_stands_for_the_other_and_the_row_says_so(stub, broker, value):
    rows = [position(avgPrice=value), position(markPrice=value, symbol="BUSDT")]
    stub.answer(e.POSITIONS.path, listing(*rows, position(avgPrice=value, markPrice=value)))
    found = broker.positions()
    first, second = found
    assert first.entry_price == first.mark_price == Decimal("1.2")
    assert second.entry_price == second.mark_price == Decimal("1.1")
    assert "avgPrice" in first.doubts[-1]
    assert "markPrice" in second.doubts[-1]
    (bad,) = found.unreadable
    assert "avgPrice" in bad.reason
    assert "markPrice" in bad.reason


@pytest.mark.parametrize(("side", "readable"), [("Sell", True), ("Buy", False)])
def test_a_signed_size_must_agree_with_its_side(stub, broker, side, readable):
    stub.answer(e.POSITIONS.path, listing(position(size="-45.5", side=side)))
    found = broker.positions()
    assert [one.quantity for one in found] == [Decimal("45.5")] * readable
    assert len(found.unreadable) == (not readable)


def test_profit_that_is_not_stated_follows_from_the_prices(stub, broker):
    stub.answer(
        e.POSITIONS.path,
        listing(position(unrealisedPnl=""), position(symbol="B", side="Buy", unrealisedPnl="")),
    )
    assert [one.unrealised_pnl for one in broker.positions()] == [Decimal("-4.55"), Decimal("4.55")]


def test_hedge_mode_belongs_to_a_symbol_and_holds_nobody_else_back(stub, broker):
    both = [position(positionIdx=1, side="Buy", size="3"), position(positionIdx=2)]
    flat = position(positionIdx=1, symbol="FLATUSDT", size="0", side="")
    stub.answer(e.POSITIONS.path, listing(*both, flat, position(symbol="BUSDT")))
    found = broker.positions()
    assert [(one.symbol, one.side, one.hedge) for one in found] == [
        ("PUMPUSDT", Side.BUY, True),
        ("PUMPUSDT", Side.SELL, True),
        ("BUSDT", Side.SELL, False),
    ]
    stub.answer(e.CREATE_ORDER.path, refused(10001, "position idx not match position mode"))
    with pytest.raises(Rejected):
        broker.place(an_entry())


def test_a_position_that_comes_on_two_pages_is_one_and_two_of_a_symbol_are_none(stub, broker):
    moved = position(markPrice="1.3")
    stub.answer(e.POSITIONS.path, listing(position(), cursor="a"), listing(moved))
    (found,) = broker.positions()
    assert found.mark_price == Decimal("1.3")
    stub.answer(e.POSITIONS.path, listing(position(), position(size="3"), position(symbol="B")))
    found = broker.positions()
    assert [one.symbol for one in found] == ["B"]
    (bad,) = found.unreadable
    assert (bad.symbol, "45.5" in bad.reason, "3" in bad.reason) == ("PUMPUSDT", True, True)


def test_one_symbols_positions_are_asked_for_by_symbol(stub, broker):
    stub.answer(e.POSITIONS.path, listing(position(), position(symbol="BUSDT")))
    found = broker.positions("PUMPUSDT")
    assert stub.requests[-1].query == {"category": "linear", "symbol": "PUMPUSDT", "limit": "200"}
    assert [one.symbol for one in found] == ["PUMPUSDT"]
    assert [row.symbol for row in found.unreadable] == ["BUSDT"]


ODD_ORDERS = [
    {"orderStatus": "PendingNew"},
    {"orderStatus": ""},
    {"orderStatus": None},
    {"side": ""},
    {"side": "Long"},
    {"qty": ""},
    {"qty": "-1"},
    {"updatedTime": ""},
    {"createdTime": "-5"},
    {"avgPrice": "odd"},
    {"cumExecQty": "odd"},
    {"cumExecFee": {}},
    {"rejectReason": {"a": 1}},
    {"orderId": ""},
]


@pytest.mark.parametrize("changes", ODD_ORDERS)
def test_an_open_order_is_read_by_what_is_used_of_it(stub, broker, changes):
    row = order(orderStatus="New", orderLinkId="", symbol="ODDUSDT") | changes
    stub.answer(e.OPEN_ORDERS.path, listing(row, order(orderStatus="New")))
    found = broker.open_orders()
    assert [(one.symbol, one.state) for one in found] == [
        ("ODDUSDT", OrderState.OPEN),
        ("PUMPUSDT", OrderState.OPEN),
    ]
    assert not found.unreadable


@pytest.mark.parametrize(
    "changes", [{"symbol": ""}, {"orderLinkId": [1]}, {"stopOrderType": ["StopLoss"]}]
)
def test_an_open_order_that_may_be_anybodys_is_a_value_too(stub, broker, changes):
    bad = order(orderStatus="New", orderLinkId="theirs") | changes
    stub.answer(e.OPEN_ORDERS.path, listing(order(orderStatus="New"), bad, None))
    found = broker.open_orders()
    assert [one.order_id for one in found] == ["order-1"]
    bad, none = found.unreadable
    assert (bad.source, next(iter(changes)) in bad.reason) == ("open_orders", True)
    assert "no object" in none.reason


BAD_HISTORY = [{"cumExecQty": ""}, {"cumExecQty": "-1"}, {"avgPrice": "odd"}, {"orderStatus": None}]


@pytest.mark.parametrize("changes", BAD_HISTORY)
def test_a_row_of_ours_that_cannot_be_read_hides_no_other_list(stub, broker, changes):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, listing(order(**changes)))
    stub.answer(e.EXECUTIONS.path, listing(execution(1, execQty="45.5")))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.filled_quantity) == (OrderState.FILLED, Decimal("45.5"))
    stub.answer(e.EXECUTIONS.path, listing())
    with pytest.raises(UnreadableAnswer, match=next(iter(changes))):
        broker.find_order("PUMPUSDT", "order-1")


def test_an_unreadable_execution_of_ours_is_not_left_out_of_the_sum(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, listing())
    stub.answer(e.EXECUTIONS.path, listing(execution(1), execution(2, execQty="odd")))
    with pytest.raises(UnreadableAnswer, match="execQty 'odd'"):
        broker.find_order("PUMPUSDT", "order-1")


def test_a_list_that_fails_matters_only_where_no_other_knows_the_order(stub, broker):
    stub.answer(e.OPEN_ORDERS.path, refused(10006))
    stub.answer(e.ORDER_HISTORY.path, listing(order()))
    stub.answer(e.EXECUTIONS.path, listing())
    assert broker.find_order("PUMPUSDT", "order-1").state is OrderState.FILLED
    stub.answer(e.ORDER_HISTORY.path, listing())
    with pytest.raises(ExchangeUnavailable, match="10006"):
        broker.find_order("PUMPUSDT", "order-1")


NO_TRADES = ["Funding", "CorporateAction", "UNKNOWN", "SomethingNew"]


@pytest.mark.parametrize("kind", NO_TRADES)
def test_executions_that_move_no_position_need_no_numbers(stub, broker, kind):
    bare = {"side": "", "execPrice": "", "execQty": None, "closedSize": "odd", "execFee": "0.5"}
    stub.answer(e.EXECUTIONS.path, listing(execution(1, execType=kind, **bare), execution(2)))
    found = broker.fills("PUMPUSDT", since=STAMP)
    assert [one.execution_id for one in found] == ["e1", "e2"]
    assert (found[0].fee, found.unreadable) == (Decimal("0.5"), ())


@pytest.mark.parametrize(
    "field", ["execType", "execId", "side", "execPrice", "execQty", "execTime", "symbol"]
)
@pytest.mark.parametrize("value", ["", None, {}])
def test_an_execution_that_cannot_be_read_is_a_value_beside_the_others(stub, broker, field, value):
    stub.answer(e.EXECUTIONS.path, listing(execution(1, **{field: value}), execution(2)))
    found = broker.fills("PUMPUSDT", since=STAMP)
    assert [one.execution_id for one in found] == ["e2"]
    (bad,) = found.unreadable
    assert (bad.source, bad.order_id, field in bad.reason) == ("executions", "order-1", True)


@pytest.mark.parametrize("changes", [{"execFee": ""}, {"createType": ""}, {"orderId": ""}])
def test_an_execution_can_lack_what_is_no_part_of_it(stub, broker, changes):
    stub.answer(e.EXECUTIONS.path, listing(execution(1, **changes)))
    (found,) = broker.fills("PUMPUSDT", since=STAMP)
    assert found.quantity == 20


def test_an_exit_is_reduce_only_and_carries_no_stop(stub, broker):
    stub.answer(e.CREATE_ORDER.path, ok({"orderId": "x"}))
    broker.place(an_exit(quantity=Decimal("1E+2")))
    assert stub.requests[-1].json == {
        "category": "linear",
        "symbol": "PUMPUSDT",
        "side": "Buy",
        "orderType": "Market",
        "qty": "100",
        "orderLinkId": "order-2",
        "reduceOnly": True,
        "positionIdx": 0,
    }


@pytest.mark.parametrize(
    ("quantity", "stop", "limit", "sent"),
    [
        ("0.00001", "0.0000123400", "0.0123900", ("0.00001", "0.00001234", "0.01239")),
        ("1000000", "1E-7", "1E+2", ("1000000", "0.0000001", "100")),
        ("7.0", "120.50", "1", ("7", "120.5", "1")),
    ],
)
def test_numbers_are_sent_as_plain_text(stub, broker, quantity, stop, limit, sent):
    stub.answer(e.CREATE_ORDER.path, ok({"orderId": "x"}))
    broker.place(
        an_entry(quantity=Decimal(quantity), stop_loss=Decimal(stop), limit_price=Decimal(limit))
    )
    body = stub.requests[-1].json
    assert (body["qty"], body["stopLoss"], body["price"]) == sent


def test_an_entry_without_a_limit_price_is_never_sent(stub, broker):
    with pytest.raises(InvariantBroken, match="limit price"):
        broker.place(an_entry(limit_price=None))
    assert stub.sent(e.CREATE_ORDER.path) == []


def test_leverage_in_doubt_is_unavailable_and_a_stop_in_doubt_unknown(stub, broker):
    stub.answer(e.SET_LEVERAGE.path, Reply(status=502))
    with pytest.raises(ExchangeUnavailable):
        broker.set_leverage("PUMPUSDT", Decimal(2))
    stub.answer(e.TRADING_STOP.path, Reply(status=502))
    with pytest.raises(OutcomeUnknown):
        broker.set_protection(
            "PUMPUSDT", stop_loss=Decimal(2), take_profit=None, trigger=StopTrigger.MARK_PRICE
        )
    assert stub.requests[-1].json["slTriggerBy"] == "MarkPrice"
    assert "takeProfit" not in stub.requests[-1].json


def set_protection(broker, **changes):
    terms = {"stop_loss": Decimal("1.30"), "take_profit": None, "trigger": StopTrigger.LAST_PRICE}
    broker.set_protection("PUMPUSDT", **(terms | changes))


def test_a_stop_is_set_for_the_whole_position(stub, broker):
    stub.answer(e.TRADING_STOP.path, ok({}))
    set_protection(broker, take_profit=Decimal("0.9"))
    assert stub.requests[-1].json == {
        "category": "linear",
        "symbol": "PUMPUSDT",
        "positionIdx": 0,
        "tpslMode": "Full",
        "stopLoss": "1.3",
        "slTriggerBy": "LastPrice",
        "takeProfit": "0.9",
        "tpTriggerBy": "LastPrice",
    }


def test_a_trailing_stop_is_a_distance_beside_the_fixed_one(stub, broker):
    stub.answer(e.TRADING_STOP.path, ok({}))
    set_protection(broker, trailing_stop=Decimal("1E-2"))
    assert stub.requests[-1].json["trailingStop"] == "0.01"
    assert stub.requests[-1].json["stopLoss"] == "1.3"
    set_protection(broker)
    assert "trailingStop" not in stub.requests[-1].json


@pytest.mark.parametrize(
    ("sent", "read"),
    [("0.05", Decimal("0.05")), ("0", None), ("", None), (None, None), ("0.00", None)],
)
def test_a_trailing_stop_is_read_from_the_position(stub, broker, sent, read):
    stub.answer(e.POSITIONS.path, listing(position(trailingStop=sent)))
    (found,) = broker.positions()
    assert found.trailing_stop == read


ENDED = [
    ("EC_NoImmediateQtyToFill", OrderState.CANCELLED),
    ("EC_PostOnlyWillTakeLiquidity", OrderState.CANCELLED),
    ("EC_PerCancelRequest", OrderState.CANCELLED),
    ("EC_InvalidPriceScale", OrderState.REJECTED),
]


@pytest.mark.parametrize(("reason", "state"), ENDED)
def test_an_order_that_the_exchange_ended_says_why(stub, broker, reason, state):
    word = state.value.capitalize()
    row = order(orderStatus=word, cumExecQty="0", avgPrice="", rejectReason=reason)
    stub.answer(e.OPEN_ORDERS.path, listing(row))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.reject_reason) == (state, reason)
    assert (found.filled_quantity, found.average_price) == (0, None)


def test_a_market_order_cut_short_by_the_price_band_keeps_its_fill(stub, broker):
    reason = "EC_NoImmediateQtyToFill"
    row = order(orderStatus="Cancelled", cumExecQty="12.5", rejectReason=reason)
    stub.answer(e.OPEN_ORDERS.path, listing())
    stub.answer(e.ORDER_HISTORY.path, listing(row))
    found = broker.find_order("PUMPUSDT", "order-1")
    assert (found.state, found.filled_quantity) == (OrderState.CANCELLED, Decimal("12.5"))
    assert found.state.ended
    assert found.reject_reason == reason


# --- access ------------------------------------------------------------------------------


def api_key(**changes):
    row = {"userID": 146940, "readOnly": 0, "ips": ["192.0.2.7"], "deadlineDay": -2}
    row |= {"expiredAt": "1970-01-01T00:00:00Z"}
    row |= {"permissions": {"ContractTrade": ["Order", "Position"], "Wallet": []}}
    return ok(row | changes, message="")


def rights(**groups):
    return {"permissions": groups}


SAFE = Access(account="146940")
ACCESS = [
    ({}, SAFE),
    ({"userID": "146940"}, SAFE),
    ({"readOnly": 1}, replace(SAFE, read_only=True)),
    (rights(Derivatives=["DerivativesTrade"]), SAFE),
    (rights(ContractTrade=["Order"]), replace(SAFE, may_trade=False)),
    (rights(Spot=["SpotTrade"], Wallet=None), replace(SAFE, may_trade=False)),
    *(
        (
            rights(ContractTrade=["Order", "Position"], Wallet=[right]),
            replace(SAFE, may_move_funds=True),
        )
        for right in ("Withdraw", "AccountTransfer", "SubMemberTransfer", "SubMemberTransferList")
    ),
    (
        {"ips": ["*"], "deadlineDay": 63, "expiredAt": "2026-01-25T05:52:24Z"},
        replace(SAFE, bound_to_addresses=False, expires=1_769_320_344_000),
    ),
    (
        {"ips": [], "deadlineDay": 7, "expiredAt": ""},
        replace(SAFE, bound_to_addresses=False, expires=STAMP + 7 * DAY),
    ),
    ({"ips": ["*"]}, replace(SAFE, bound_to_addresses=False)),
]


@pytest.mark.parametrize(("changes", "expected"), ACCESS)
def test_a_keys_rights_are_read(stub, broker, changes, expected):
    stub.answer(e.API_KEY.path, api_key(**changes))
    assert broker.access() == expected


UNCLEAR = [
    {"userID": ""},
    {"userID": None},
    {"readOnly": None},
    {"readOnly": 2},
    {"readOnly": "no"},
    {"permissions": None},
    {"permissions": []},
    rights(Wallet="Withdraw"),
    rights(Wallet=[["Withdraw"]]),
    rights(ContractTrade={"Order": True}),
    {"ips": "*"},
    {"ips": ["*"], "expiredAt": "soon"},
    {"ips": ["*"], "expiredAt": "", "deadlineDay": "soon"},
]


@pytest.mark.parametrize("changes", UNCLEAR)
def test_a_right_that_is_not_stated_is_never_guessed(stub, broker, changes):
    stub.answer(e.API_KEY.path, api_key(**changes))
    stub.answer(e.POSITIONS.path, listing())
    with pytest.raises(ExchangeUnavailable, match="query-api"):
        broker.access()


@pytest.mark.parametrize("code", [10003, 10004, 10007, 33004])
def test_a_key_the_exchange_does_not_know_is_refused(stub, broker, code):
    stub.answer(e.API_KEY.path, refused(code))
    with pytest.raises(KeyRefused):
        broker.access()


DEMO = "api-demo.bybit.com"


@pytest.mark.parametrize(
    ("host", "reply", "told"),
    [
        (DEMO, Reply(status=404), True),
        (DEMO, refused(10017), True),
        (DEMO, refused(10032), True),
        ("api.bybit.com", refused(10032), True),
        ("api.bybit.com", Reply(status=404), False),
        ("api.bybit.com", refused(10017), False),
        ("api-demo.bybit.com.example.org", Reply(status=404), False),
        (DEMO, refused(10006), False),
        (DEMO, Reply(status=503), False),
    ],
)
def test_a_demo_account_need_not_tell_its_keys_rights(stub, broker, monkeypatch, host, reply, told):
    monkeypatch.setattr(BybitSession, "host", host)
    stub.answer(e.API_KEY.path, reply)
    if not told:
        with pytest.raises(ExchangeUnavailable):
            broker.access()
        return
    access = broker.access()
    assert access.demo
    assert refusals(access, confirmation="123") == []
    assert warnings(access, now=STAMP)


def test_a_demo_account_that_tells_its_keys_rights_is_judged_by_them(stub, broker, monkeypatch):
    monkeypatch.setattr(BybitSession, "host", DEMO)
    stub.answer(e.API_KEY.path, api_key(readOnly=1))
    assert refusals(broker.access(), confirmation="146940")


def test_a_session_knows_its_host(session_to):
    assert session_to("https://api-demo.bybit.com").host == DEMO


# --- rows that cannot be true ------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [{"stopLoss": "-1"}, {"stopLoss": "odd"}, {"trailingStop": "NaN"}, {"symbol": ["AUSDT"]}],
)
def test_a_position_that_cannot_be_true_is_unreadable(stub, broker, changes):
    stub.answer(e.POSITIONS.path, listing(position(**changes)))
    found = broker.positions()
    assert list(found) == []
    assert next(iter(changes)) in found.unreadable[0].reason


@pytest.mark.parametrize("cursor", [["next"], {"a": 1}, "x" * 500, "next\u0000", True])
def test_a_cursor_that_is_no_text_is_an_error(stub, broker, market, cursor):
    stub.answer(e.OPEN_ORDERS.path, listing(*[order()] * 50, cursor=cursor))
    with pytest.raises(ExchangeUnavailable, match="nextPageCursor"):
        broker.open_orders()
    stub.answer(e.INSTRUMENTS.path, listing(contract("AUSDT"), cursor=cursor))
    with pytest.raises(ExchangeUnavailable, match="nextPageCursor"):
        market.instruments()


def wallet(*coins, **totals):
    row = {"totalEquity": "10", "totalAvailableBalance": "9", "totalWalletBalance": "8"}
    row |= {"totalInitialMargin": "1", "accountIMRate": "0.1", "coin": list(coins)}
    return listing(row | totals)


def usdt(equity="10", worth="10"):
    return {"coin": "USDT", "equity": equity, "usdValue": worth, "walletBalance": "7"}


NOT_APPLICABLE = dict.fromkeys(("totalAvailableBalance", "totalInitialMargin", "accountIMRate"), "")


def test_isolated_margin_has_no_totals_and_nothing_that_is_available(stub, broker):
    stub.answer(e.WALLET.path, wallet(usdt(), **NOT_APPLICABLE))
    assert broker.account() == Account(Decimal(10), Decimal(0), Decimal(8), isolated_margin=True)
    nothing = {"totalEquity": "", "totalWalletBalance": ""}
    stub.answer(e.WALLET.path, wallet({"coin": "BTC"}, usdt(), **NOT_APPLICABLE, **nothing))
    assert broker.account() == Account(Decimal(10), Decimal(0), Decimal(7), isolated_margin=True)
    stub.answer(e.WALLET.path, wallet(**NOT_APPLICABLE, **nothing))
    with pytest.raises(UnreadableAnswer, match="equity"):
        broker.account()


@pytest.mark.parametrize(
    ("totals", "field"),
    [
        ({"totalAvailableBalance": ""}, "totalAvailableBalance ''"),
        ({"totalAvailableBalance": "NaN"}, "totalAvailableBalance 'NaN'"),
        ({"totalEquity": "Infinity"}, "totalEquity 'Infinity'"),
        ({"totalWalletBalance": None}, "totalWalletBalance None"),
    ],
)
def test_money_that_is_not_stated_is_never_guessed(stub, broker, totals, field):
    stub.answer(e.WALLET.path, wallet(usdt(), **totals))
    with pytest.raises(UnreadableAnswer, match=field):
        broker.account()


def test_debts_are_believed(stub, broker):
    stub.answer(e.WALLET.path, wallet(totalEquity="-5", totalAvailableBalance="-12.5"))
    account = broker.account()
    assert (account.equity, account.available) == (Decimal(-5), Decimal("-12.5"))


@pytest.mark.parametrize(
    ("coin", "equity"),
    [
        (usdt("100", "100.9"), "10"),
        (usdt("100", "80"), "12.5"),
        (usdt("0.5", "0"), "10"),
        (usdt("-100", "-80"), "12.5"),
    ],
)
def test_totals_are_dollars_and_are_turned_into_usdt_where_that_matters(stub, broker, coin, equity):
    stub.answer(e.WALLET.path, wallet(coin))
    assert broker.account().equity == Decimal(equity)


def test_a_worth_that_cannot_be_true_is_an_error(stub, broker):
    stub.answer(e.WALLET.path, wallet(usdt("100", "-1")))
    with pytest.raises(UnreadableAnswer, match="usdValue"):
        broker.account()


def test_a_wide_market_is_read_whole(stub, market):
    rows = [ticker(f"A{n}USDT", lastPrice=f"{1 + n / 1000:.4f}") for n in range(700)]
    stub.answer(e.TICKERS.path, listing(*rows))
    snapshot = market.snapshot()
    np.testing.assert_allclose(snapshot.last_price, 1 + np.arange(700) / 1000)
