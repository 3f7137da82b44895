"""Bodies that the real exchange sent go through the whole adapter, from HTTP to domain objects."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from support.records import an_entry
from support.stub_bybit import STAMP, Reply

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.domain.trading.access import Access, refusals
from pumpwatch.domain.trading.orders import FillKind, OrderState, Side, StopTrigger
from pumpwatch.errors import ExchangeUnavailable, PumpwatchError, Rejected

DEFAULT = Path(__file__).parents[2] / "../shared/data/bybit-recorded"
FOLDER = Path(os.environ.get("PUMPWATCH_BYBIT_RECORDED", DEFAULT))
FILES = sorted(path.name for path in FOLDER.glob("*.json"))

pytestmark = pytest.mark.skipif(
    not FILES, reason="no recorded answers: set PUMPWATCH_BYBIT_RECORDED to their folder"
)


def recorded(name):
    """Return the whole body; what was recorded without its envelope gets one."""
    content = json.loads((FOLDER / name).read_text())
    body = content.get("httpResponse", content)
    if "row" in body:
        body = {"list": [body["row"]]}
    for category in ("LinearInverse", "Spot"):
        body = body.get(category) or body
    if "retCode" in body:
        return body
    return {"retCode": 0, "retMsg": "OK", "result": body, "retExtInfo": {}, "time": STAMP}


@pytest.fixture
def serve(stub):
    def answer(endpoint, name):
        stub.answer(endpoint.path, Reply(json.dumps(recorded(name)).encode()))

    return answer


def test_the_time(serve, market):
    serve(e.TIME, "xchange_v5_market_time.json")
    assert market.time() == 1_694_037_473_517


def test_hourly_candles(serve, market):
    serve(e.KLINE, "ccxt_market_kline_linear_start_limit3.json")
    request = CandleRequest("BTCUSDT", HOUR, 1_706_628_191_000, 1_706_637_600_000)
    series = market.candles([request])["BTCUSDT"]
    assert series.open_time.tolist() == [1_706_630_400_000 + n * HOUR for n in range(3)]
    assert series.values[0].tolist() == [43350.7, 43492.5, 43204.5, 43488, 1341.261, 58117391.4117]
    assert not series.forming


@pytest.mark.parametrize(
    ("name", "count", "bought", "first"),
    [
        ("ccxt_market_recent-trade_linear.json", 1, [True], (1_707_905_515_968, 51444.4, 0.972)),
        (
            "hirokisan_v5-market-get-public-trading-history.json",
            5,
            [True, False, False, False, True],
            (1_679_907_409_725, 27858.1, 0.001),
        ),
    ],
)
def test_recent_trades(serve, market, name, count, bought, first):
    serve(e.RECENT_TRADES, name)
    trades = market.recent_trades(["BTCUSDT"])["BTCUSDT"]
    assert (len(trades.time), trades.bought.tolist()) == (count, bought)
    assert (trades.time[0], trades.price[0], trades.quantity[0]) == first
    assert trades.since == first[0] + 1


@pytest.mark.parametrize("name", ["ccxt_market_orderbook_linear", "xchange_v5_market_orderbook"])
def test_books(serve, market, name):
    body = recorded(f"{name}.json")
    serve(e.ORDER_BOOK, f"{name}.json")
    symbol = body["result"]["s"]
    book = market.order_book(symbol)
    assert len(book.bids) == len(body["result"]["b"])
    assert book.asks[0][0] == Decimal(body["result"]["a"][0][0])
    assert book.bids[0][0] < book.asks[0][0]


def test_an_execution(serve, broker):
    serve(e.EXECUTIONS, "ccxt_execution_list_row_linear_market.json")
    (fill,) = broker.fills("LTCUSDT", since=STAMP)
    assert (fill.kind, fill.side, fill.trigger, fill.order_id) == (FillKind.TRADE, Side.BUY, "", "")
    assert (fill.price, fill.quantity) == (Decimal("85.11"), Decimal("0.1"))
    assert fill.fee == Decimal("0.00468105")
    assert (fill.time, fill.closed_quantity) == (1_710_762_918_390, 0)


def test_a_filled_order(stub, broker):
    body = recorded("ccxt_order_history_linear_market_filled.json")
    body["result"]["list"][0]["orderLinkId"] = "ours"
    empty = {**body, "result": {"list": [], "nextPageCursor": ""}}
    stub.answer(e.OPEN_ORDERS.path, Reply(json.dumps(empty).encode()))
    stub.answer(e.ORDER_HISTORY.path, Reply(json.dumps(body).encode()))
    order = broker.find_order("BTCUSDT", "ours")
    assert (order.state, order.side, order.reject_reason) == (OrderState.FILLED, Side.BUY, "")
    assert (order.quantity, order.filled_quantity) == (Decimal("0.001"), Decimal("0.001"))
    assert (order.average_price, order.fee) == (Decimal(123498), Decimal("0.0679239"))
    assert (order.created, order.updated) == (1_757_837_580_469, 1_757_837_580_473)


def test_the_wallet(serve, broker):
    serve(e.WALLET, "hirokisan_v5-account-get-wallet-balance.json")
    account = broker.account()
    assert account.equity == Decimal("79207.48963775")
    assert account.available == account.wallet_balance == Decimal("78429.79924861")


def test_what_a_key_may_do(serve, broker):
    serve(e.API_KEY, "hirokisan_v5-user-get-api-key.json")
    access = broker.access()
    assert access == Access(
        account="146940",
        read_only=False,
        may_trade=True,
        may_move_funds=True,
        bound_to_addresses=False,
        expires=1_682_229_144_000,
    )
    assert refusals(access, mode="live", confirmation="146940") == [
        "the key can withdraw or transfer funds: make one that can only trade"
    ]


def test_an_accepted_order(serve, broker):
    name = "ccxt_order_create_spot_market_cost.json"
    serve(e.CREATE_ORDER, name)
    assert broker.place(an_entry()) == recorded(name)["result"]["orderId"]


def test_a_demo_host_that_does_not_support_an_order(serve, broker):
    serve(e.CREATE_ORDER, "xchange_json5_getOrderError.json")
    with pytest.raises(Rejected, match="Demo trading are not supported") as caught:
        broker.place(an_entry())
    assert caught.value.code == 10032


def test_a_whole_linear_market(serve, market):
    serve(e.TICKERS, "hirokisan_v5-market-get-tickers-inverse.json")
    snapshot = market.snapshot()
    assert (len(snapshot.symbols), snapshot.skipped) == (197, ())
    assert all(symbol.endswith("USDT") for symbol in snapshot.symbols)
    row = snapshot.symbols.index("10000NFTUSDT")
    assert snapshot.last_price[row] == 0.004525
    assert (snapshot.high_24h[row], snapshot.low_24h[row]) == (0.00458, 0.00448)
    assert (snapshot.volume_24h[row], snapshot.turnover_24h[row]) == (62687990.0, 283786.75021999)
    assert (snapshot.funding_rate[row], snapshot.next_funding[row]) == (0.000087, 1678204800000)


def test_every_contract_of_a_linear_market(serve, market):
    serve(e.INSTRUMENTS, "hirokisan_v5-market-get-instruments-info-inverse.json")
    found = market.instruments()
    assert len(found) == 193
    contract = found["10000NFTUSDT"]
    assert (contract.tick_size, contract.quantity_step) == (Decimal("0.000005"), Decimal(10))
    assert (contract.min_quantity, contract.max_market_quantity) == (10, 370_000)
    assert (contract.max_leverage, contract.launch_time) == (Decimal("12.5"), 1_643_007_175_000)
    assert (contract.min_notional, contract.funding_interval_minutes) == (5, 480)


def test_tickers_of_another_category_never_become_a_market(serve, market):
    serve(e.TICKERS, "xchange_v5_market_tickers.json")
    with pytest.raises(ExchangeUnavailable, match="category 'spot'"):
        market.snapshot()


@pytest.mark.parametrize("name", ["xchange_v5_market", "hirokisan_v5-market-get"])
def test_contracts_of_another_category_are_none_of_ours(serve, market, name):
    tail = "_instruments-info" if name.startswith("x") else "-instruments-info-spot"
    serve(e.INSTRUMENTS, f"{name}{tail}.json")
    assert market.instruments() == {}


def test_a_recorded_refusal(serve, market):
    serve(e.TICKERS, "xchange_exceptions_v5_market_tickers.json")
    with pytest.raises(ExchangeUnavailable) as caught:
        market.snapshot()
    assert caught.value.code == recorded("xchange_exceptions_v5_market_tickers.json")["retCode"]


def questions(market, broker):
    request = CandleRequest("BTCUSDT", MINUTE, STAMP, STAMP)
    return {
        e.TIME: market.time,
        e.TICKERS: market.snapshot,
        e.INSTRUMENTS: market.instruments,
        e.KLINE: lambda: market.candles([request]),
        e.ORDER_BOOK: lambda: market.order_book("BTCUSDT"),
        e.OPEN_ORDERS: broker.open_orders,
        e.EXECUTIONS: lambda: broker.fills("BTCUSDT", since=STAMP),
        e.POSITIONS: broker.positions,
        e.WALLET: broker.account,
        e.API_KEY: broker.access,
        e.ORDER_HISTORY: lambda: broker.find_order("BTCUSDT", "ours"),
    }


def actions(broker):
    stop = {"stop_loss": Decimal(2), "take_profit": None, "trigger": StopTrigger.MARK_PRICE}
    return {
        e.CREATE_ORDER: lambda: broker.place(an_entry()),
        e.SET_LEVERAGE: lambda: broker.set_leverage("BTCUSDT", Decimal(2)),
        e.TRADING_STOP: lambda: broker.set_protection("BTCUSDT", **stop),
    }


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_body_is_a_value_or_a_typed_error_everywhere(serve, market, broker, name):
    for endpoint, call in (questions(market, broker) | actions(broker)).items():
        serve(endpoint, name)
        try:
            call()
        except PumpwatchError:
            continue
