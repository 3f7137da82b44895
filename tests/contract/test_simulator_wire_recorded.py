"""The simulator's answers have the fields and JSON types of answers the real exchange gave."""

import json
import os
from decimal import Decimal
from pathlib import Path

import pytest
from support.exchange_user import User

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(
    os.environ.get("PUMPWATCH_BYBIT_RECORDED", ROOT / "../shared/data/bybit-recorded")
).resolve()

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"no recorded Bybit answers in {FOLDER} (PUMPWATCH_BYBIT_RECORDED)"
)


def recorded(name):
    document = json.loads((FOLDER / name).read_text())
    return document.get("httpResponse", document)


def same_shape(real, ours, *, types=True, path="answer"):
    """Fail when a recorded field is missing in ours or has another JSON type."""
    if isinstance(real, dict):
        assert isinstance(ours, dict), path
        missing = set(real) - set(ours)
        assert not missing, f"{path} lacks {sorted(missing)}"
        for name, value in real.items():
            same_shape(value, ours[name], types=types, path=f"{path}.{name}")
    elif isinstance(real, list):
        assert isinstance(ours, list), path
        if real and ours:
            same_shape(real[0], ours[0], types=types, path=f"{path}[0]")
    elif types:
        assert type(real) is type(ours), f"{path}: {real!r} and {ours!r}"


@pytest.fixture
def user():
    user = User({"BTCUSDT": [(0, 40_000.0), (3_600_000, 41_000.0)]})
    user.advance(60_000)
    user.placed("Buy", "0.01", "BTCUSDT", stopLoss="39000", takeProfit="45000")
    user.placed("Sell", "0.01", "BTCUSDT", reduceOnly=True)
    return user


@pytest.mark.parametrize(
    ("name", "path", "asked", "whole"),
    [
        ("xchange_v5_market_time.json", "/v5/market/time", {}, True),
        (
            "hirokisan_v5-account-get-wallet-balance.json",
            "/v5/account/wallet-balance",
            {"accountType": "UNIFIED"},
            False,
        ),
        ("hirokisan_v5-user-get-api-key.json", "/v5/user/query-api", {}, False),
    ],
)
def test_answers_without_a_symbol(user, name, path, asked, whole):
    ours = user.get(path, **asked)
    same_shape(recorded(name), ours if whole else ours["result"])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("ccxt_order_history_linear_market_filled.json", "/v5/order/history"),
        ("ccxt_position_closed-pnl_linear.json", "/v5/position/closed-pnl"),
    ],
)
def test_private_lists(user, name, path):
    ours = user.get(path, symbol="BTCUSDT")
    same_shape(recorded(name), ours, types=False)
    cursor = ours["result"]["nextPageCursor"]
    assert (cursor.count("%3A"), cursor.count("%2C")) == (2, 1)


def test_error_of_an_unknown_symbol(user):
    ours = user.get("/v5/market/tickers", symbol="NOPE")
    real = recorded("xchange_exceptions_v5_market_tickers.json")
    same_shape(real, ours)
    assert {**ours, "time": 0} == {**real, "time": 0}


def test_kline(user):
    ours = user.get("/v5/market/kline", symbol="BTCUSDT", interval="60", limit=3)
    same_shape(recorded("ccxt_market_kline_linear_start_limit3.json"), ours, types=False)
    assert all(isinstance(cell, str) for row in ours["result"]["list"] for cell in row)
    assert len(ours["result"]["list"][0]) == 7


def test_start_inside_an_hour_answers_as_recorded(user):
    from support.scripted_market import START

    hour = 3_600_000
    real = recorded("ccxt_market_kline_linear_start_limit3.json")["result"]["list"]
    asked = 1_706_628_191_000
    offset = int(real[-1][0]) - asked
    rows = user.get(
        "/v5/market/kline",
        symbol="BTCUSDT",
        interval="60",
        limit=3,
        start=START - 9 * hour - offset,
    )["result"]["list"]
    assert [int(row[0]) for row in rows] == [START - (9 - n) * hour for n in (2, 1, 0)]


@pytest.mark.parametrize(
    "name", ["xchange_v5_market_orderbook.json", "ccxt_market_orderbook_linear.json"]
)
def test_orderbook(user, name):
    ours = user.get("/v5/market/orderbook", symbol="BTCUSDT", limit=2)
    same_shape(recorded(name), ours, types=not name.startswith("ccxt"))


def test_recent_trades(user):
    ours = user.get("/v5/market/recent-trade", symbol="BTCUSDT", limit=1)
    same_shape(recorded("ccxt_market_recent-trade_linear.json"), ours, types=False)
    older = recorded("hirokisan_v5-market-get-public-trading-history.json")
    same_shape(older, ours["result"])


def test_tickers(user):
    ours = user.get("/v5/market/tickers")["result"]
    real = recorded("hirokisan_v5-market-get-tickers-inverse.json")["LinearInverse"]
    same_shape(real, ours)
    whole = recorded("xchange_v5_market_tickers.json")
    spot = user.get("/v5/market/tickers", category="spot")
    same_shape({**whole, "result": {**whole["result"], "list": []}}, spot)


def test_instruments(user):
    ours = user.get("/v5/market/instruments-info")["result"]
    real = recorded("hirokisan_v5-market-get-instruments-info-inverse.json")["LinearInverse"]
    same_shape(real, ours)
    for row in real["list"]:
        same_shape(row, ours["list"][0])


def test_execution_rows(user):
    real = recorded("ccxt_execution_list_row_linear_market.json")["row"]
    for row in user.executions():
        same_shape(real, row, types=False)
        fee = Decimal(row["execValue"]) * Decimal(row["feeRate"])
        assert abs(Decimal(row["execFee"]) - fee) <= Decimal("0.000000005")
    assert Decimal(real["execFee"]) == Decimal(real["execValue"]) * Decimal(real["feeRate"])


def test_create_and_cancel_all_answers(user):
    created = user.order("Buy", "0.01", "BTCUSDT", orderType="Limit", price="38000")
    same_shape(recorded("ccxt_order_create_spot_market_cost.json"), created, types=False)
    cancelled = user.post("/v5/order/cancel-all", symbol="BTCUSDT")
    same_shape(recorded("ccxt_order_cancel-all_spot.json"), cancelled, types=False)


def test_recorded_closed_trade_has_our_arithmetic():
    row = recorded("ccxt_position_closed-pnl_linear.json")["result"]["list"][0]
    entry, leave = Decimal(row["cumEntryValue"]), Decimal(row["cumExitValue"])
    fees = (entry + leave) * Decimal("0.00055")
    assert abs(leave - entry - fees - Decimal(row["closedPnl"])) < Decimal("0.000001")
