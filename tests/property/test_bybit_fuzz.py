"""Any bytes from the exchange become a value that keeps its promises, or a typed error.

Rows as the exchange sends them are damaged at random places and go through the whole adapter: from
the HTTP body through pybit to the domain object. No socket is opened.
"""

import io
import json
import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from enum import Enum

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from requests import Response
from requests.adapters import BaseAdapter
from support.bybit_rows import (
    CANDLES,
    CONTRACT,
    EXECUTION,
    KEY,
    ORDER,
    POSITION,
    START,
    SYMBOL,
    TICKER,
    TRADES,
    WALLET,
    page,
)
from support.damage import GONE, damaged, places
from support.doubles import ManualClock, ManualDeadline
from support.records import an_entry, is_sound
from support.stub_bybit import STAMP
from urllib3 import HTTPResponse

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import StopTrigger
from pumpwatch.errors import PumpwatchError
from pumpwatch_workbench.simulator.market_time import MarketTime

YEAR_2100 = 4_102_444_800_000
MOST_REQUESTS = 300


# --- a transport without sockets ---------------------------------------------------------


class Canned(BaseAdapter):
    """Gives every request the same body, but tells the time when a run starts with that."""

    def __init__(self):
        super().__init__()
        self.body, self.status, self.sent = b"", 200, []

    def send(self, request, **_):
        response = Response()
        response.status_code, body = self.answer(request.path_url.split("?")[0])
        response.raw = io.BytesIO(body)
        response.url, response.request = request.url, request
        return response

    def get(self, url, headers):
        """Answer a question without a signature, which goes past `requests`."""
        status, body = self.answer("/" + url.split("?")[0].split("/", 3)[3])
        return HTTPResponse(body, status=status)

    def answer(self, path):
        self.sent.append(path)
        assert len(self.sent) < MOST_REQUESTS, "the adapter does not stop asking"
        fresh = path == e.TIME.path and len(self.sent) == 1
        return (200, TIME_BODY) if fresh else (self.status, self.body)

    def close(self):
        """Nothing is open."""


class Rig:
    """Both adapters on one canned transport."""

    def __init__(self):
        self.session = BybitSession(
            "http://exchange.invalid",
            key=ExchangeKey("key", "secret"),
            wait=lambda _: None,
            exchange_time=MarketTime(),
        )
        self.session._budgets.take = lambda *_: None  # limits have their own tests
        self.wire = Canned()
        self.session._http.client.mount("http://", self.wire)
        self.session._http.adapter = self.wire
        self.market = BybitMarketData(self.session)
        self.broker = BybitBroker(self.session, ManualClock(STAMP))

    def start(self, body, status=200):
        self.session.start_run(ManualDeadline())
        self.wire.body, self.wire.status, self.wire.sent = body, status, []
        self.session.time()

    def look_up(self):
        """Both questions that executions answer."""
        self.broker.find_order(SYMBOL, "order-1")
        return self.broker.fills(SYMBOL, since=STAMP - MINUTE)

    def calls(self):
        stop = {"stop_loss": Decimal(2), "take_profit": None, "trigger": StopTrigger.MARK_PRICE}
        wanted = CandleRequest(SYMBOL, MINUTE, START - 3 * MINUTE, START)
        return {
            e.TIME: self.market.time,
            e.TICKERS: self.market.snapshot,
            e.KLINE: lambda: self.market.candles([wanted])[SYMBOL],
            e.RECENT_TRADES: lambda: self.market.recent_trades([SYMBOL])[SYMBOL],
            e.INSTRUMENTS: lambda: (self.market.instruments(), self.market.watchlist()),
            e.ORDER_BOOK: lambda: self.market.order_book(SYMBOL),
            e.WALLET: self.broker.account,
            e.POSITIONS: self.broker.positions,
            e.OPEN_ORDERS: self.broker.open_orders,
            e.ORDER_HISTORY: lambda: self.broker.find_order(SYMBOL, "order-1"),
            e.EXECUTIONS: self.look_up,
            e.API_KEY: self.broker.access,
            e.CREATE_ORDER: lambda: self.broker.place(an_entry()),
            e.SET_LEVERAGE: lambda: self.broker.set_leverage(SYMBOL, Decimal(2)),
            e.TRADING_STOP: lambda: self.broker.set_protection(SYMBOL, **stop),
        }


@pytest.fixture(scope="module")
def rig():
    made = Rig()
    yield made
    made.session.close()


# --- answers as the exchange sends them --------------------------------------------------


def envelope(result):
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": STAMP}


TIME_BODY = json.dumps(envelope({"timeSecond": "1760000045"})).encode()

GOOD = {
    e.TIME: {"timeSecond": "1760000045", "timeNano": "1760000045678000000"},
    e.TICKERS: page(TICKER),
    e.KLINE: {"category": "linear", "symbol": SYMBOL, "list": CANDLES},
    e.RECENT_TRADES: {"category": "linear", "list": TRADES},
    e.INSTRUMENTS: page(CONTRACT),
    e.ORDER_BOOK: {"s": SYMBOL, "b": [["1.5", "10"], ["1.4", "9"]], "a": [["1.6", "3"]]},
    e.WALLET: {"list": [WALLET]},
    e.POSITIONS: page(POSITION | {"stopLoss": "1.3"}),
    e.OPEN_ORDERS: page(ORDER | {"orderStatus": "New"}),
    e.ORDER_HISTORY: page(ORDER),
    e.EXECUTIONS: page(EXECUTION),
    e.API_KEY: KEY,
    e.CREATE_ORDER: {"orderId": "c18b72e4", "orderLinkId": "order-1"},
    e.SET_LEVERAGE: {},
    e.TRADING_STOP: {},
}


# --- damage ------------------------------------------------------------------------------

ODD_TEXTS = ["", " ", "0", "-0", "-1", "NaN", "nan", "Infinity", "-inf", "1e400", "1e-400", "1e99"]
ODD_TEXTS += ["9" * 41, "9" * 5_000, "1_000", "0x1", "\u0661\u0662", "1,5", "+1", ".5", "1e+5"]
ODD_TEXTS += ["\ud800", "\x00", "\u202e", "\u5e01\u5b89", "A" * 300, "Buy", "Rejected", "Funding"]
ODD_TEXTS += ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59"]
ODD_NUMBERS = [0, -1, 1, 2, 10**15, -(10**15), 2**63, 10**40, 10**400, 0.1, -0.0, 1e308]
ODD_NUMBERS += [math.nan, math.inf, -math.inf]
DEEP = []
for _ in range(60):
    DEEP = [DEEP]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(ODD_NUMBERS),
    st.sampled_from(ODD_TEXTS),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from([[], {}, [None], [[]], {"a": {"b": []}}, [{}], DEEP]),
    st.lists(st.none() | st.text(max_size=3), max_size=3),
)


# --- what a value promises ---------------------------------------------------------------


def check(value):
    """Assert what holds for every value that the adapters hand out."""
    if is_dataclass(value):
        check_record(value)
    elif isinstance(value, Mapping | list | tuple):
        for inner in value.values() if isinstance(value, Mapping) else value:
            check(inner)
    elif isinstance(value, np.ndarray):
        assert not np.isinf(value).any()
    elif isinstance(value, bool | Enum):
        pass
    elif isinstance(value, Decimal):
        assert value.is_finite()
    elif isinstance(value, str):
        value.encode()
    elif isinstance(value, int):
        assert abs(value) < 10**30
    else:
        assert value is None or isinstance(value, PumpwatchError)


CAN_BE_MISSING = {"mark_price", "funding_rate"}
"""What a market's row may lack: NaN stands for it."""


def check_record(value):
    for one in fields(value):
        part = getattr(value, one.name)
        if one.name in CAN_BE_MISSING and isinstance(part, np.ndarray):
            assert not np.isinf(part).any()
        else:
            check(part)
    for name in ("created", "updated", "time", "launch_time"):
        times = np.asarray(getattr(value, name, 0))
        assert ((times >= 0) & (times < YEAR_2100)).all()
    for name in ("price", "quantity", "entry_price", "mark_price", "filled_quantity", "last_price"):
        assert not np.any(np.asarray(getattr(value, name, 0)) < 0)
    for name in ("tick_size", "quantity_step", "max_leverage", "max_market_quantity"):
        assert getattr(value, name, 1) > 0
    if hasattr(value, "skipped"):
        check_snapshot(value)
    if hasattr(value, "since"):
        assert (np.diff(value.time) >= 0).all()
        assert (value.price > 0).all()
        assert (value.quantity > 0).all()
    if hasattr(value, "forming"):
        assert is_sound(value)


def check_snapshot(snapshot):
    assert len(set(snapshot.symbols)) == len(snapshot.last_price) == len(snapshot.symbols)
    for name in ("last_price", "high_24h", "low_24h"):
        assert (getattr(snapshot, name) > 0).all()
    assert not (snapshot.mark_price <= 0).any()
    for name in ("volume_24h", "turnover_24h", "next_funding"):
        assert (getattr(snapshot, name) >= 0).all()
    assert not (np.abs(snapshot.funding_rate) >= 1).any()


def value_or_typed_error(call):
    try:
        found = call()
    except PumpwatchError:
        return
    check(found)


ENDPOINTS = list(GOOD)
NAMES = [endpoint.path for endpoint in ENDPOINTS]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=NAMES)
def test_an_undamaged_answer_is_read(rig, endpoint):
    rig.start(json.dumps(envelope(GOOD[endpoint])).encode())
    found = rig.calls()[endpoint]()
    check(found)
    assert not isinstance(found, PumpwatchError)
    if not endpoint.acts:
        assert found not in (None, [], {})


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=NAMES)
def test_an_answer_without_any_one_field_is_a_value_or_a_typed_error(rig, endpoint):
    whole = envelope(GOOD[endpoint])
    for path in places(whole):
        for odd in (
            GONE,
            None,
            "",
            {},
            [],
            "NaN",
            -1,
            True,
            "\ud800",
            "1e400",
            "9" * 41,
            DEEP,
            math.inf,
        ):
            rig.start(json.dumps(damaged(whole, path, odd)).encode())
            value_or_typed_error(rig.calls()[endpoint])


# --- any bytes at all --------------------------------------------------------------------

JSON = st.recursive(
    ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["retCode", "retMsg", "result", "time", "list", "symbol", "s"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)
GOOD_BODY = json.dumps(envelope(page(TICKER))).encode()
BODIES = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    JSON.map(lambda value: json.dumps(value).encode()),
    st.integers(0, len(GOOD_BODY)).map(lambda length: GOOD_BODY[:length]),
    st.tuples(st.integers(0, len(GOOD_BODY) - 1), st.integers(0, 255)).map(
        lambda change: GOOD_BODY[: change[0]] + bytes([change[1]]) + GOOD_BODY[change[0] + 1 :]
    ),
)


@settings(deadline=None, max_examples=150)
@given(
    body=BODIES,
    status=st.sampled_from([200, 200, 200, 204, 301, 400, 401, 403, 404, 429, 500, 503, 999]),
    endpoint=st.sampled_from(ENDPOINTS),
)
@example(body=b"[" * 100_000, status=200, endpoint=e.CREATE_ORDER)
@example(body=b'{"retCode":' + b"9" * 5_000 + b"}", status=200, endpoint=e.TICKERS)
@example(body=b'{"retCode":-1,"retMsg":"","time":1}', status=200, endpoint=e.CREATE_ORDER)
@example(body=GOOD_BODY.decode().encode("utf-16"), status=200, endpoint=e.TICKERS)
@example(body=b"\xef\xbb\xbf" + GOOD_BODY, status=200, endpoint=e.TICKERS)
def test_any_bytes_are_a_value_or_a_typed_error(rig, body, status, endpoint):
    rig.start(body, status)
    value_or_typed_error(rig.calls()[endpoint])
    if endpoint.acts:
        assert rig.wire.sent.count(endpoint.path) == 1
