"""What pybit does by itself and must not do here, one test for each of its hazards."""

import logging
import traceback
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from types import SimpleNamespace

import pytest
from support.doubles import ManualClock
from support.records import an_entry
from support.stub_bybit import (
    ACCEPTED,
    DOUBTFUL,
    FORBIDDEN_PAGE,
    KEY,
    STAMP,
    Reply,
    ask,
    ok,
    refused,
)

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.credentials import ExchangeKey
from pumpwatch.errors import (
    BadCredentials,
    ExchangeUnavailable,
    InvariantBroken,
    OutcomeUnknown,
    PumpwatchError,
)

TIME, TICKERS, CREATE = e.TIME.path, e.TICKERS.path, e.CREATE_ORDER.path


def shows_a_secret(text):
    return KEY.api_secret in text or KEY.api_key in text


def all_of(error):
    """Everything a crash reporter would show: chain, frames (less the test's own), locals."""
    shown, seen = [], error
    while seen is not None:
        trace = seen.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        report = traceback.TracebackException(type(seen), seen, trace, capture_locals=True)
        shown += [*report.format(), repr(seen), str(vars(seen))]
        seen = seen.__cause__ or seen.__context__
    return "\n".join(shown)


@pytest.fixture
def everything_logged(caplog):
    """Switch every logger there is to DEBUG, as somebody who looks for a fault would."""
    loggers = [logging.getLogger(name) for name in logging.root.manager.loggerDict]
    before = [logger.level for logger in loggers]
    caplog.set_level(logging.DEBUG)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    yield caplog
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


ECHO = "error sign! origin_string[1760000045678public-part-of-key5000{}]"
PAGE = f"<html>{KEY.api_key} {KEY.api_secret}".encode()
ECHOES = [Reply(PAGE, status=status) for status in (200, 403, 404, 502)]
UGLY = [
    *DOUBTFUL.values(),
    *ECHOES,
    Reply(FORBIDDEN_PAGE, status=403),
    refused(110007),
    refused(10003),
    refused(10004, ECHO),
    refused(10001, {"echo": KEY.api_secret}),
]


@pytest.mark.parametrize("reply", UGLY)
def test_no_error_no_traceback_and_no_log_shows_the_key(
    stub, session, broker, reply, everything_logged, capfd
):
    session.time()
    stub.answer(CREATE, reply)
    with pytest.raises(PumpwatchError) as caught:
        broker.place(an_entry())
    assert not shows_a_secret(all_of(caught.value))
    assert not shows_a_secret(everything_logged.text)
    assert not shows_a_secret("".join(capfd.readouterr()))


def test_the_check_for_secrets_would_find_one(everything_logged):
    def careless(key):
        secret = key.api_secret
        raise ValueError(f"{len(secret)} letters")

    with pytest.raises(ValueError, match="letters") as caught:
        careless(KEY)
    trace = caught.value.__traceback__.tb_next
    report = traceback.TracebackException(ValueError, caught.value, trace, capture_locals=True)
    assert shows_a_secret("".join(report.format()))
    logging.getLogger("urllib3").debug("key %s", KEY.api_key)
    assert shows_a_secret(everything_logged.text)


def test_nothing_that_holds_the_key_shows_it(stub, session):
    market, broker = BybitMarketData(session), BybitBroker(session, session)
    for holder in (KEY, session, session._http, market, broker, session):
        assert not shows_a_secret(repr(holder))
        assert not shows_a_secret(str(holder))
        assert not shows_a_secret(f"{holder}")
    assert not shows_a_secret(repr(vars(session)))


PEM = "-----BEGIN PRIVATE KEY-----\nc2VjcmV0LXBhcnQtb2Yta2V5\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "key",
    [
        ExchangeKey("", "secret"),
        ExchangeKey("two words", "secret"),
        ExchangeKey("line\nend", "secret"),
        ExchangeKey("schl\u00fcssel", "secret"),
        ExchangeKey("key", ""),
        ExchangeKey("key", PEM, rsa=True),
        ExchangeKey("key", "secret-part-of-key", rsa=True),
    ],
)
def test_a_key_that_nothing_can_be_signed_with_is_refused_at_once(key):
    with pytest.raises(BadCredentials, match="store it again") as caught:
        BybitSession("http://127.0.0.1:9", key=key)
    shown = all_of(caught.value)
    for secret in (KEY.api_secret, "c2VjcmV0"):
        assert secret not in shown


def test_every_session_leaves_the_loggers_as_they_were(stub, session_to):
    logger = logging.getLogger("pybit._http_manager")
    before = list(logger.handlers)
    root, root_handlers = logging.getLogger(), list(logging.getLogger().handlers)
    root.handlers[:] = []  # pybit adds a handler only where there is none
    try:
        for _ in range(3):
            session_to(stub.url)
        assert logger.handlers == before
    finally:
        root.handlers[:] = root_handlers


RESET = "X-Bapi-Limit-Reset-Timestamp"
HASTY = [10002, 10006, 30034, 30035, 130035, 130150, -1, 10000, 10016]


@pytest.mark.parametrize("code", HASTY)
@pytest.mark.parametrize("reset", ["0", "99999999999999", "now", None])
def test_pybit_itself_never_sleeps_and_never_asks_again(
    stub, session, broker, monkeypatch, code, reset
):
    def sleep(seconds):
        raise AssertionError(f"slept {seconds} s")

    session.time()
    monkeypatch.setattr("pybit._http_manager.time", SimpleNamespace(sleep=sleep))
    headers = {} if reset is None else {RESET: reset}
    stub.answer(CREATE, refused(code, headers=headers))
    with pytest.raises(PumpwatchError) as caught:
        broker.place(an_entry())
    assert str(code) in str(caught.value)
    assert len(stub.sent(CREATE)) == 1


def test_a_changed_text_or_header_never_hides_the_code(stub, session):
    for message in ("", None, 7, [[["deep"]]], "\ud800", "x" * 10_000):
        stub.answer(TICKERS, refused(110007, message))
        with pytest.raises(ExchangeUnavailable) as caught:
            ask(session)
        assert caught.value.code == 110007
        assert len(str(caught.value)) < 300


def test_proxies_and_netrc_of_the_environment_are_ignored(stub, session_to, monkeypatch, tmp_path):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.setenv(name.lower(), "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password something\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    stub.answer(CREATE, ACCEPTED)
    session = session_to(stub.url, key=KEY)
    BybitBroker(session, ManualClock(STAMP)).place(an_entry())
    assert [request.path for request in stub.requests] == [TIME, CREATE]
    assert not any("Authorization" in request.headers for request in stub.requests)


@pytest.mark.parametrize(
    "wrong", [0.00001, 1.0, Decimal("1E-5"), float("nan"), None, ["1"], {"a": 1}, b"1"]
)
def test_a_number_that_is_no_text_never_reaches_an_order(stub, session, wrong):
    stub.answer(CREATE, ACCEPTED)
    for name in ("qty", "price", "stopLoss", "buyLeverage"):
        with pytest.raises(InvariantBroken, match=f"{name} is a .* nothing was sent"):
            session.call(e.CREATE_ORDER, category="linear", symbol="AUSDT", **{name: wrong})
    assert stub.requests == []


def test_an_entry_is_one_post_that_carries_its_stop(stub, broker):
    stub.answer(CREATE, ACCEPTED)
    assert broker.place(an_entry()) == "c18b72e4"
    (request,) = stub.sent(CREATE)
    assert request.method == "POST"
    assert request.json == {
        "category": "linear",
        "symbol": "PUMPUSDT",
        "side": "Sell",
        "orderType": "Limit",
        "timeInForce": "IOC",
        "price": "0.5",
        "qty": "45.5",
        "orderLinkId": "order-1",
        "reduceOnly": False,
        "positionIdx": 0,
        "tpslMode": "Full",
        "slOrderType": "Market",
        "stopLoss": "1.236",
        "slTriggerBy": "MarkPrice",
        "tpOrderType": "Market",
        "takeProfit": "1.05",
        "tpTriggerBy": "MarkPrice",
    }
    assert request.headers["X-BAPI-API-KEY"] == KEY.api_key


@pytest.mark.parametrize("result", [b"{}", b'{"orderId": ""}', b"null", b"[]"])
def test_an_order_accepted_without_an_id_is_unknown(stub, broker, result):
    stub.answer(
        CREATE, Reply(b'{"retCode":0,"retMsg":"OK","result":%b,"time":%d}' % (result, STAMP))
    )
    with pytest.raises(OutcomeUnknown):
        broker.place(an_entry())


def test_an_accepted_order_without_a_time_is_accepted(stub, session):
    stub.answer(CREATE, Reply(b'{"retCode":0,"retMsg":"OK","result":{"orderId":"x"}}'))
    assert BybitBroker(session, ManualClock(STAMP)).place(an_entry()) == "x"


def test_many_threads_share_one_session_without_mixing_answers(stub, session_to):
    stub.answer(e.OPEN_ORDERS.path, ok({"list": []}))
    stub.answer(TICKERS, ok({"list": [1]}))
    session = session_to(stub.url, key=KEY, threads=8, requests_per_second=100)

    def mixed(number):
        endpoint = e.OPEN_ORDERS if number % 2 else e.TICKERS
        return number, session.call(endpoint, category="linear", symbol=f"A{number}").result

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(mixed, range(40)))
    assert all(result == {"list": [] if number % 2 else [1]} for number, result in answers)
    assert session.request_count == 40
    assert stub.connections <= 8
    unsigned = [r for r in stub.requests if "X-BAPI-SIGN" not in r.headers]
    assert {request.path for request in unsigned} == {TICKERS}
