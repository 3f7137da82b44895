"""Clients written for the real exchange work against the simulator unchanged."""

import decimal
import gzip
import http.client
import json
from decimal import Decimal

import pytest
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP
from support.scripted_market import START, ScriptedMarket, listing
from support.simulator_client import KEY

from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer

LINEAR = {"category": "linear"}
BTC = {"category": "linear", "symbol": "BTCUSDT"}


def exchange(**settings):
    market = ScriptedMarket(
        {
            "BTCUSDT": [(0, 40_000.0), (3_600_000, 41_000.0)],
            "ETHUSDT": [(0, 2_000.0)],
            "BTCPERP": [(0, 40_000.0)],
        },
        listings=[listing("BTCPERP", base_coin="BTC", settle_coin="USDC")],
        funding=[(28_800_000, 0.0001)],
    )
    clock = MarketClock(start=START, stepped=True)
    return Exchange(market, clock, KEY, ExchangeSettings(rate_limits=False, **settings))


@pytest.fixture
def server():
    with SimulatorServer(exchange()) as running:
        yield running


@pytest.fixture
def session(server):
    client = pybit(server)
    yield client
    client.client.close()


def pybit(server, **options):
    chosen = {"api_key": KEY.api_key, "api_secret": KEY.api_secret, "max_retries": 1} | options
    client = HTTP(**chosen)
    client.endpoint = server.url
    client.client.trust_env = False
    return client


def test_pybit_reads_every_market_endpoint(session):
    assert session.get_server_time()["time"] == START
    assert len(session.get_kline(**BTC, interval=1, limit=5)["result"]["list"]) == 5
    assert len(session.get_tickers(**LINEAR)["result"]["list"]) == 3
    assert session.get_instruments_info(**BTC)["result"]["list"][0]["symbol"] == "BTCUSDT"
    assert session.get_orderbook(**BTC, limit=50)["result"]["s"] == "BTCUSDT"
    assert session.get_public_trade_history(**BTC, limit=20)["result"]["list"]
    assert session.get_price_limit(**BTC)["result"]["buyLmt"] == "42000.00"
    assert session.get_funding_rate_history(**BTC)["result"]["list"] == []
    pages = session.get_instruments_info(**LINEAR, limit=2)["result"]
    following = session.get_instruments_info(**LINEAR, limit=2, cursor=pages["nextPageCursor"])
    assert [row["symbol"] for row in following["result"]["list"]] == ["ETHUSDT"]


def test_pybit_trades_through_every_private_endpoint(server, session):
    session.set_leverage(**BTC, buyLeverage="2", sellLeverage="2")
    with pytest.raises(InvalidRequestError) as unchanged:
        session.set_leverage(**BTC, buyLeverage="2", sellLeverage="2")
    assert unchanged.value.status_code == 110043
    entry = session.place_order(
        **BTC, side="Sell", orderType="Market", qty="0.01", stopLoss="42000", orderLinkId="entry-1"
    )["result"]
    session.set_trading_stop(**BTC, tpslMode="Full", positionIdx=0, takeProfit="39000")
    (position,) = session.get_positions(**LINEAR, settleCoin="USDT")["result"]["list"]
    assert (position["side"], position["stopLoss"], position["takeProfit"]) == (
        "Sell",
        "42000",
        "39000",
    )
    kinds = {row["stopOrderType"] for row in session.get_open_orders(**BTC)["result"]["list"]}
    assert kinds == {"StopLoss", "TakeProfit"}
    resting = session.place_order(**BTC, side="Sell", orderType="Limit", qty="0.01", price="43000")
    identity = resting["result"]["orderId"]
    assert session.amend_order(**BTC, orderId=identity, price="43500")["retCode"] == 0
    assert session.cancel_order(**BTC, orderId=identity)["result"]["orderId"] == identity
    assert session.cancel_all_orders(**LINEAR, settleCoin="USDT")["result"]["success"] == "1"
    session.place_order(
        **BTC, side="Buy", orderType="Market", qty="0", reduceOnly=True, closeOnTrigger=True
    )
    (found,) = session.get_open_orders(**BTC, orderLinkId="entry-1")["result"]["list"]
    assert (found["orderId"], found["orderStatus"]) == (entry["orderId"], "Filled")
    assert len(session.get_order_history(**LINEAR)["result"]["list"]) == 5
    fills = session.get_executions(**LINEAR, limit=1)["result"]
    older = session.get_executions(**LINEAR, limit=1, cursor=fills["nextPageCursor"])["result"]
    assert older["list"][0]["orderLinkId"] == "entry-1"
    closed = session.get_closed_pnl(**LINEAR)["result"]["list"][0]
    account = session.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
    assert Decimal(account["totalEquity"]) == 10_000 + Decimal(closed["closedPnl"])
    assert session.get_account_info()["result"]["unifiedMarginStatus"] == 6
    assert session.get_fee_rates(**BTC)["result"]["list"][0]["takerFeeRate"] == "0.00055"
    assert session.get_api_key_information()["result"]["userID"] == KEY.user_id
    with pytest.raises(InvalidRequestError) as mode:
        session.switch_position_mode(**BTC, mode=0)
    assert mode.value.status_code == 110025


def test_answers_are_compressed_when_set_and_asked_for():
    with SimulatorServer(exchange(gzip=True)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request(
            "GET", "/v5/market/tickers?category=linear", headers={"Accept-Encoding": "gzip"}
        )
        response = connection.getresponse()
        assert response.headers["Content-Encoding"] == "gzip"
        assert len(json.loads(gzip.decompress(response.read()))["result"]["list"]) == 3
        connection.close()


@pytest.fixture
def ccxt_client(server):
    import ccxt

    with decimal.localcontext():  # ccxt changes how this thread rounds
        client = ccxt.bybit(
            {
                "apiKey": KEY.api_key,
                "secret": KEY.api_secret,
                "enableRateLimit": False,
                "options": {"defaultType": "swap", "defaultSubType": "linear"},
            }
        )
        client.urls["api"] = dict.fromkeys(client.urls["api"], server.url)
        yield client
        client.close()


def test_ccxt_follows_the_instruments_cursor_and_reads_marks_tiers_and_interest(ccxt_client):
    ccxt_client.options["fetchMarkets"] = {"types": ["linear"], "loadAllOptions": True}
    first = ccxt_client.publicGetV5MarketInstrumentsInfo(LINEAR | {"limit": 2})["result"]
    following = LINEAR | {"limit": 2, "cursor": first["nextPageCursor"]}
    second = ccxt_client.publicGetV5MarketInstrumentsInfo(following)["result"]
    pages = [row["symbol"] for page in (first, second) for row in page["list"]]
    assert pages == ["BTCPERP", "BTCUSDT", "ETHUSDT"]
    symbol = "BTC/USDT:USDT"
    marks = ccxt_client.fetch_mark_ohlcv(symbol, "1m", limit=5)
    assert [row[4] for row in marks] == [40_000] * 5
    assert ccxt_client.fetch_open_interest(symbol)["openInterestAmount"] > 0
    assert len(ccxt_client.fetch_open_interest_history(symbol, "1h", limit=3)) == 3
    tiers = ccxt_client.fetch_market_leverage_tiers(symbol)
    assert [tier["tier"] for tier in tiers][:2] == [1, 2]
    assert tiers[0]["maxLeverage"] == 50


def test_a_batch_says_what_became_of_each_order(session):
    good = {"symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.01"}
    answer = session.place_batch_order(category="linear", request=[good, good | {"qty": "0"}])
    assert [row["code"] for row in answer["retExtInfo"]["list"]] == [0, 10001]
    assert [bool(row["orderId"]) for row in answer["result"]["list"]] == [True, False]


def test_ccxt_loads_trades_and_looks_up(ccxt_client, server):
    symbol = "BTC/USDT:USDT"
    market = ccxt_client.load_markets()[symbol]
    assert (market["id"], market["precision"]["price"], market["limits"]["cost"]["min"]) == (
        "BTCUSDT",
        0.01,
        5,
    )
    candles = ccxt_client.fetch_ohlcv(symbol, "1m", limit=10)
    assert [row[0] for row in candles] == sorted(row[0] for row in candles)
    assert ccxt_client.fetch_ticker(symbol)["last"] == 40_000
    assert set(ccxt_client.fetch_tickers()) == {symbol, "ETH/USDT:USDT", "BTC/USDC:USDC"}
    order = ccxt_client.create_order(
        symbol, "market", "sell", 0.01, params={"stopLoss": {"triggerPrice": 42_000}}
    )
    assert order["id"]
    (position,) = ccxt_client.fetch_positions([symbol])
    assert (position["side"], position["contracts"], position["stopLossPrice"]) == (
        "short",
        0.01,
        42_000,
    )
    (waiting,) = ccxt_client.fetch_open_orders(symbol)
    assert (waiting["status"], waiting["triggerPrice"], waiting["reduceOnly"]) == (
        "open",
        42_000,
        True,
    )
    resting = ccxt_client.create_order(symbol, "limit", "sell", 0.01, 43_000)
    assert ccxt_client.cancel_order(resting["id"], symbol)["id"] == resting["id"]
    (fill,) = ccxt_client.fetch_my_trades(symbol)
    assert (fill["takerOrMaker"], fill["amount"]) == ("taker", 0.01)
    balance = ccxt_client.fetch_balance()
    assert 9_990 < balance["USDT"]["total"] < 10_000
    stop = ccxt_client.create_order(
        symbol, "market", "buy", 0.01, params={"stopLossPrice": 41_500, "reduceOnly": True}
    )
    assert len(ccxt_client.fetch_open_orders(symbol)) == 2
    assert ccxt_client.cancel_all_orders(symbol)
    assert stop["id"]
