"""What a market in Bybit's lists comes to: tickers, contracts, pages, odd rows."""

import json
from decimal import Decimal

import numpy as np
import pytest
from support.bybit_rows import contract, execution, listing, order, position, ticker
from support.stub_bybit import STAMP, Reply

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.ticker_rows import read_tickers
from pumpwatch.adapters.bybit.tickers import read_snapshot
from pumpwatch.domain.trading.orders import OrderState
from pumpwatch.errors import (
    BadMarketData,
    ExchangeUnavailable,
)

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


def test_a_wide_market_is_read_whole(stub, market):
    rows = [ticker(f"A{n}USDT", lastPrice=f"{1 + n / 1000:.4f}") for n in range(700)]
    stub.answer(e.TICKERS.path, listing(*rows))
    snapshot = market.snapshot()
    np.testing.assert_allclose(snapshot.last_price, 1 + np.arange(700) / 1000)


@pytest.mark.parametrize("odd", [7, None, [], {"lastPrice": 5}, {"symbol": True}])
def test_an_answer_with_an_odd_row_is_read_like_any_other(stub, market, odd):
    """It is no list of plain texts, so it is read as plain JSON; the sound rows are the same."""
    stub.answer(e.TICKERS.path, listing(ticker(), odd, ticker("CUSDT")))
    snapshot = market.snapshot()
    assert snapshot.symbols == ("AUSDT", "CUSDT")
    assert snapshot.last_price.tolist() == [float(ticker()["lastPrice"])] * 2


def test_a_sound_answer_and_the_same_one_as_plain_json_give_the_same_snapshot():
    rows = [ticker(), ticker("BUSDT", lastPrice="1e30"), ticker("CUSDT", fundingRate="")]
    rows += [
        ticker("A-25DEC26"),
        ticker("BTCPERP"),
        ticker("DUSDT"),
        ticker("DUSDT", lastPrice="2"),
    ]
    body = json.dumps({"retCode": 0, "retMsg": "OK", "time": 1, "result": {"list": rows}})
    typed = read_snapshot(read_tickers(body.encode())["result"], time=1)
    plain = read_snapshot({"list": rows}, time=1)
    assert (typed.symbols, typed.skipped) == (plain.symbols, plain.skipped)
    assert typed.skipped == ("BUSDT", "DUSDT")
    for name in ("last_price", "turnover_24h", "funding_rate", "next_funding"):
        np.testing.assert_array_equal(getattr(typed, name), getattr(plain, name))
