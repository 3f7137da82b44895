"""What the session makes of everything a server can do to it, over real HTTP."""

import hmac
import json
import logging
import time
import traceback

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.records import an_entry
from support.stub_bybit import FORBIDDEN_PAGE, STAMP, Reply, ok, refused

from pumpwatch.adapters.bybit import BybitBroker, BybitMarketData, ExchangeClock
from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.memory import ManualClock, ManualDeadline
from pumpwatch.errors import (
    BadCredentials,
    DeadlineNear,
    DuplicateOrder,
    ExchangeForbidden,
    ExchangeUnavailable,
    OutcomeUnknown,
    PumpwatchError,
    Rejected,
)
from pumpwatch.ports import ExchangeKey

KEY = ExchangeKey("public-part-of-key", "secret-part-of-key")
TICKERS, CREATE = e.TICKERS.path, e.CREATE_ORDER.path
ACCEPTED = ok({"orderId": "c18b72e4", "orderLinkId": "order-1"})


@pytest.fixture
def waits():
    return []


@pytest.fixture
def session(stub, session_to, waits):
    return session_to(stub.url, key=KEY, timeout_seconds=1, wait=waits.append)


def ask(session):
    return session.call(e.TICKERS, category="linear")


def act(session):
    return session.call(e.CREATE_ORDER, category="linear", symbol="AUSDT", qty="1")


def test_an_answer_comes_with_its_result_and_time(stub, session):
    stub.answer(TICKERS, ok({"list": []}))
    answer = ask(session)
    assert (answer.result, answer.time) == ({"list": []}, STAMP)
    assert session.request_count == 1
    assert session.requests == {(TICKERS, 0): 1}


def test_numbers_as_text_are_read_as_numbers(stub, session):
    stub.answer(TICKERS, Reply(b'{"retCode":"0","retMsg":"OK","result":{},"time":"1758189954146"}'))
    assert ask(session).time == 1_758_189_954_146


def test_a_question_is_asked_once_more_and_an_order_is_not(stub, session):
    stub.answer(TICKERS, Reply(status=502), ok({"list": [1]}))
    assert ask(session).result == {"list": [1]}
    stub.answer(CREATE, Reply(status=502), ACCEPTED)
    with pytest.raises(OutcomeUnknown):
        act(session)
    assert len(stub.sent(CREATE)) == 1


DOUBTFUL = {
    "no answer in time": Reply(ACCEPTED.body, delay=1.3),
    "connection closed": Reply(hang_up=True),
    "body cut off": Reply(ACCEPTED.body[:20], claimed_length=500),
    "server error page": Reply(b"<html>", status=500),
    "bad gateway": Reply(b"", status=502),
    "gateway time-out": Reply(b"", status=504),
    "not JSON": Reply(b"<html>maintenance</html>"),
    "not text": Reply(b"\xff\xfe\x00"),
    "empty": Reply(b""),
    "a list": Reply(b"[]"),
    "null": Reply(b"null"),
    "a number": Reply(b"7"),
    "no code": Reply(b'{"result":{},"time":1}'),
    "code null": Reply(b'{"retCode":null,"retMsg":"","result":{},"time":1}'),
    "code an object": Reply(b'{"retCode":{"a":1},"retMsg":"","result":{},"time":1}'),
    "no message": Reply(b'{"retCode":99,"result":{}}'),
    "server time-out 10000": refused(10000, "Server Timeout"),
    "server error 10016": refused(10016, "Internal System Error."),
    "moved elsewhere": Reply(b"", status=307, headers={"Location": "/v5/order/create"}),
}


@pytest.mark.parametrize("reply", DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubtful_answer_leaves_an_order_unknown_and_sends_it_once(stub, session, reply):
    stub.answer(CREATE, reply)
    with pytest.raises(OutcomeUnknown):
        act(session)
    assert len(stub.requests) == 1


@pytest.mark.parametrize("reply", DOUBTFUL.values(), ids=DOUBTFUL)
def test_a_doubtful_answer_makes_a_question_wait_for_the_next_tick(stub, session, reply):
    stub.answer(TICKERS, reply)
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    assert 1 <= len(stub.requests) <= 2


def test_nobody_listening_is_unavailable_for_questions_and_unknown_for_orders(session_to):
    session = session_to("http://127.0.0.1:9", key=KEY, wait=lambda _: None)
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    with pytest.raises(OutcomeUnknown):
        act(session)


@pytest.mark.parametrize("body", [FORBIDDEN_PAGE, b"access too frequent", b""])
def test_a_403_stops_every_call_of_the_run(stub, session, body):
    stub.answer(TICKERS, Reply(body, status=403, headers={"Content-Type": "text/html"}))
    stub.answer(CREATE, ACCEPTED)
    with pytest.raises(ExchangeForbidden, match="403"):
        ask(session)
    for call in (ask, act):
        with pytest.raises(ExchangeForbidden, match="not called"):
            call(session)
    assert len(stub.requests) == 1
    session.start_run(ManualDeadline())
    act(session)


def test_a_403_on_an_order_stops_every_call_too(stub, session):
    stub.answer(CREATE, Reply(FORBIDDEN_PAGE, status=403))
    for _ in range(2):
        with pytest.raises(ExchangeForbidden):
            act(session)
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 1.0),
        ({"X-Bapi-Limit-Reset-Timestamp": "0"}, 0.1),
        ({"X-Bapi-Limit-Reset-Timestamp": "99999999999999"}, 2.0),
        ({"X-Bapi-Limit-Reset-Timestamp": "soon"}, 1.0),
        ({"X-Bapi-Limit-Reset-Timestamp": "nan"}, 0.1),
    ],
    ids=["absent", "past", "far ahead", "no number", "not a number"],
)
def test_a_rate_limit_is_waited_for_once_and_never_long(stub, session, waits, headers, expected):
    stub.answer(TICKERS, refused(10006, "Too many visits!", headers=headers), ok({"list": []}))
    ask(session)
    assert waits == [expected]
    stub.answer(TICKERS, refused(10006, "Too many visits!", headers=headers))
    with pytest.raises(ExchangeUnavailable) as caught:
        ask(session)
    assert caught.value.code == 10006
    assert len(stub.requests) == 4


def test_a_rate_limit_on_an_order_means_nothing_was_placed(stub, session, waits):
    stub.answer(CREATE, refused(10006, "Too many visits!"))
    with pytest.raises(ExchangeUnavailable):
        act(session)
    assert (len(stub.requests), waits) == (1, [])


def test_http_429_means_nothing_was_placed(stub, session):
    stub.answer(CREATE, Reply(status=429))
    with pytest.raises(ExchangeUnavailable):
        act(session)


@pytest.mark.parametrize("code", [10003, 10004, 10005, 10010, 33004])
@pytest.mark.parametrize("call", [ask, act])
def test_a_refused_key_stops_trading(stub, session, code, call):
    stub.answer(TICKERS, refused(code))
    stub.answer(CREATE, refused(code))
    with pytest.raises(BadCredentials):
        call(session)
    assert len(stub.requests) == 1


def test_http_401_is_a_refused_key(stub, session):
    stub.answer(CREATE, Reply(status=401))
    with pytest.raises(BadCredentials):
        act(session)


@pytest.mark.parametrize("code", [110072, 170141])
def test_a_duplicate_order_is_to_be_looked_up(stub, session, code):
    stub.answer(CREATE, refused(code, "OrderLinkedID is duplicate"))
    with pytest.raises(DuplicateOrder) as caught:
        act(session)
    assert caught.value.code == code


@pytest.mark.parametrize("code", [10001, 10002, 110007, 110017, 110094, 99999])
def test_every_other_code_refuses_the_order(stub, session, code):
    stub.answer(CREATE, refused(code))
    with pytest.raises(Rejected) as caught:
        act(session)
    assert (caught.value.code, type(caught.value)) == (code, Rejected)


@pytest.mark.parametrize("code", [110043, 34040])
def test_benign_codes_are_a_success(stub, session, code):
    stub.answer(e.SET_LEVERAGE.path, refused(code, "leverage not modified"))
    session.call(e.SET_LEVERAGE, symbol="AUSDT", buyLeverage="1", sellLeverage="1")


def test_too_little_time_left_sends_nothing(stub, session):
    stub.answer(TICKERS, ok({}))
    session.start_run(ManualDeadline(0.1))
    with pytest.raises(DeadlineNear):
        ask(session)
    assert stub.requests == []


def test_too_little_time_left_forgoes_the_second_question(stub, session):
    stub.answer(TICKERS, Reply(status=502), ok({}))
    session.start_run(ManualDeadline(0.9))
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    assert len(stub.requests) == 1


def test_a_signed_call_without_a_key_is_never_sent(stub, session_to):
    with pytest.raises(BadCredentials):
        act(session_to(stub.url))
    assert stub.requests == []


def test_the_clock_is_the_greatest_stamp_and_asks_when_it_has_none(stub, session):
    stub.answer(e.TIME.path, ok({"timeSecond": "1760000045"}))
    clock = ExchangeClock(session)
    assert clock.now() == STAMP
    stub.answer(TICKERS, ok({}, stamp=STAMP + 5), ok({}, stamp=STAMP + 3), ok({}, stamp=10**17))
    for _ in range(3):
        ask(session)
    assert clock.now() == STAMP + 5
    assert len(stub.sent(e.TIME.path)) == 1


def test_the_clock_of_a_new_run_is_not_the_last_runs(stub, session):
    stub.answer(e.TIME.path, ok({}), ok({}, stamp=STAMP + 60_000), ok({}, stamp=STAMP))
    clock = ExchangeClock(session)
    assert clock.now() == clock.now() == STAMP
    for _ in range(2):  # it never goes back either
        session.start_run(ManualDeadline())
        assert clock.now() == STAMP + 60_000


def test_the_clock_also_reads_refusals(stub, session):
    stub.answer(CREATE, refused(110007, stamp=STAMP + 9))
    with pytest.raises(Rejected):
        act(session)
    assert ExchangeClock(session).now() == STAMP + 9


def test_requests_are_counted_by_path_and_code(stub, session):
    stub.answer(TICKERS, Reply(b"<html>"), ok({}))
    ask(session)
    stub.answer(CREATE, refused(110007))
    with pytest.raises(Rejected):
        act(session)
    assert session.requests == {(TICKERS, -1): 1, (TICKERS, 0): 1, (CREATE, 110007): 1}
    assert session.request_count == 3


def test_foreign_letters_in_a_symbol_are_signed_as_they_are_sent(stub, session):
    stub.answer(e.OPEN_ORDERS.path, ok({"list": []}))
    session.call(e.OPEN_ORDERS, category="linear", symbol="币安人生USDT", cursor="a%3A1%2Cb")
    (request,) = stub.requests
    assert request.query["symbol"] == "币安人生USDT"
    assert request.query["cursor"] == "a:1,b"
    parts = (request.headers["X-BAPI-TIMESTAMP"], KEY.api_key, "5000", request.raw_query)
    signature = hmac.new(KEY.api_secret.encode(), "".join(parts).encode(), "sha256").hexdigest()
    assert request.headers["X-BAPI-SIGN"] == signature


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


# --- secrets -----------------------------------------------------------------------------


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


UGLY = [
    *DOUBTFUL.values(),
    Reply(FORBIDDEN_PAGE, status=403),
    refused(110007),
    refused(10003),
    refused(10004, "error sign! origin_string[1760000045678public-part-of-key5000{}]"),
]


@pytest.mark.parametrize("reply", UGLY)
def test_no_error_and_no_log_shows_the_key(stub, session, reply, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    stub.answer(CREATE, reply)
    broker = BybitBroker(session, ManualClock(STAMP))
    with pytest.raises(PumpwatchError) as caught:
        broker.place(an_entry())
    assert not shows_a_secret(all_of(caught.value))
    assert not shows_a_secret(caplog.text)
    assert not shows_a_secret("".join(capfd.readouterr()))


def test_nothing_that_holds_the_key_shows_it(stub, session):
    market, broker = BybitMarketData(session), BybitBroker(session, ExchangeClock(session))
    for holder in (KEY, session, session._http, market, broker, ExchangeClock(session)):
        assert not shows_a_secret(repr(holder))
        assert not shows_a_secret(str(holder))
        assert not shows_a_secret(f"{holder}")
    assert not shows_a_secret(repr(vars(session)))


# --- orders ------------------------------------------------------------------------------


def test_an_entry_is_one_post_that_carries_its_stop(stub, session):
    stub.answer(CREATE, ACCEPTED)
    assert BybitBroker(session, ManualClock(STAMP)).place(an_entry()) == "c18b72e4"
    (request,) = stub.requests
    assert request.method == "POST"
    assert request.json == {
        "category": "linear",
        "symbol": "PUMPUSDT",
        "side": "Sell",
        "orderType": "Market",
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
        "slippageToleranceType": "Percent",
        "slippageTolerance": "1",
    }
    assert request.headers["X-BAPI-API-KEY"] == KEY.api_key


def test_an_order_accepted_without_an_id_is_unknown(stub, session):
    for result in ({}, {"orderId": ""}, None, []):
        stub.answer(
            CREATE,
            ok(result)
            if result is not None
            else Reply(
                json.dumps({"retCode": 0, "retMsg": "OK", "result": None, "time": STAMP}).encode()
            ),
        )
        with pytest.raises(OutcomeUnknown):
            BybitBroker(session, ManualClock(STAMP)).place(an_entry())


def test_an_accepted_order_without_a_time_is_accepted(stub, session):
    stub.answer(CREATE, Reply(b'{"retCode":0,"retMsg":"OK","result":{"orderId":"x"}}'))
    assert BybitBroker(session, ManualClock(STAMP)).place(an_entry()) == "x"


# --- any bytes at all --------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["retCode", "retMsg", "result", "time", "list"]), inner)
    ),
    max_leaves=8,
)


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(body=st.binary(max_size=40) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_answer_gives_a_value_or_a_typed_error(stub, session, body):
    session.start_run(ManualDeadline())
    stub.answer(TICKERS, Reply(body))
    stub.answer(CREATE, Reply(body))
    for call in (ask, act):
        before = len(stub.requests)
        try:
            call(session)
        except PumpwatchError:
            assert call is ask or len(stub.requests) == before + 1


def test_many_threads_share_one_session(stub, session_to):
    from concurrent.futures import ThreadPoolExecutor

    stub.answer(TICKERS, ok({"list": []}))
    session = session_to(stub.url, threads=8, requests_per_second=100)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: ask(session), range(40)))
    assert len(answers) == session.request_count == 40


def test_a_silent_server_is_given_up(stub, session_to):
    stub.answer(TICKERS, Reply(ok({}).body, delay=5))
    session = session_to(stub.url, timeout_seconds=0.3)
    started = time.monotonic()
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    assert time.monotonic() - started < 4
