"""What the session makes of everything a server can do to it, over real HTTP."""

import hmac
from contextlib import suppress

import pytest
from support.doubles import ManualDeadline
from support.stub_bybit import (
    ACCEPTED,
    DOUBTFUL,
    FORBIDDEN_PAGE,
    KEY,
    STAMP,
    Reply,
    act,
    ask,
    ok,
    refused,
)

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.ticker_rows import TickerRows
from pumpwatch.domain.market.health import Health
from pumpwatch.errors import (
    BadCredentials,
    ExchangeForbidden,
    ExchangeUnavailable,
    OutcomeUnknown,
    PumpwatchError,
    Rejected,
)

TIME, TICKERS, CREATE = e.TIME.path, e.TICKERS.path, e.CREATE_ORDER.path


def ask_time(session):
    return session.time()


def test_an_answer_comes_with_its_result_and_time(stub, session):
    stub.answer(TICKERS, ok({"list": []}))
    answer = ask(session)
    assert (answer.result, answer.time) == (TickerRows([]), STAMP)
    assert session.request_count == 1
    assert session.traffic.take().requests == {(TICKERS, 0): 1}


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


@pytest.mark.parametrize("name", DOUBTFUL)
def test_a_doubtful_answer_leaves_an_order_unknown_and_a_question_to_the_next_tick(
    stub, session, name
):
    ask_time(session)
    stub.answer(CREATE, DOUBTFUL[name])
    with pytest.raises(OutcomeUnknown):
        act(session)
    assert len(stub.sent(CREATE)) == 1
    failed = name != "no message"
    assert session.health.recent(STAMP) == Health(requests=2, failures=failed)
    stub.answer(TICKERS, DOUBTFUL[name])
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    assert 1 <= len(stub.sent(TICKERS)) <= 2


def test_nobody_listening_is_unavailable_and_an_order_is_unknown(session_to):
    session = session_to("http://127.0.0.1:9", key=KEY, wait=lambda _: None)
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    with pytest.raises(OutcomeUnknown):
        act(session)


def test_an_order_that_finds_nobody_listening_any_more_is_unknown(stub, session):
    stub.answer(TIME, ok({}, headers={"Connection": "close"}))
    ask_time(session)
    stub.close()
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


class NotingBudget:
    """A budget of several processes that notes what it is told."""

    def __init__(self):
        self.turns = self.bans = 0

    def take(self, deadline):
        self.turns += 1

    def note_ban(self):
        self.bans += 1


@pytest.mark.parametrize(
    ("reply", "bans"),
    [
        (Reply(FORBIDDEN_PAGE, status=403), 1),
        (refused(10009), 1),
        (refused(10018), 1),
        (refused(10008), 0),
        (refused(10003), 0),
        (refused(10006), 0),
        (Reply(status=429), 0),
        (Reply(status=502), 0),
        (ok({"list": []}), 0),
    ],
)
def test_only_a_ban_of_the_address_is_told_to_other_processes(stub, session_to, reply, bans):
    budget = NotingBudget()
    session = session_to(stub.url, key=KEY, wait=lambda _: None, budget=budget)
    stub.answer(TICKERS, reply)
    with suppress(PumpwatchError):
        ask(session)
    assert budget.bans == bans
    assert budget.turns == len(stub.requests)


def test_a_403_on_an_order_stops_every_call_too(stub, session):
    stub.answer(CREATE, Reply(FORBIDDEN_PAGE, status=403))
    for _ in range(2):
        with pytest.raises(ExchangeForbidden):
            act(session)
    assert [request.path for request in stub.requests] == [TIME, CREATE]


def test_a_signed_call_without_a_key_is_never_sent(stub, session_to):
    with pytest.raises(BadCredentials):
        act(session_to(stub.url))
    assert stub.requests == []


def test_the_clock_is_the_greatest_stamp_and_asks_when_it_has_none(stub, session):
    stub.answer(TIME, ok({"timeSecond": "1760000045"}))
    clock = session
    assert clock.now() == STAMP
    stub.answer(TICKERS, ok({}, stamp=STAMP + 5), ok({}, stamp=STAMP + 3))
    for _ in range(2):
        ask(session)
    assert clock.now() == STAMP + 5
    assert len(stub.sent(TIME)) == 1


@pytest.mark.parametrize("stamp", [10**17, -1, 0, None, "soon", True])
def test_an_impossible_stamp_never_moves_the_clock(stub, session, stamp):
    assert session.time() == STAMP
    stub.answer(TICKERS, ok({}, stamp=stamp))
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    assert session.latest_time == STAMP


def test_the_clock_of_a_new_run_is_not_the_last_runs(stub, session):
    stub.answer(TIME, ok({}), ok({}, stamp=STAMP + 60_000), ok({}, stamp=STAMP))
    clock = session
    assert clock.now() == clock.now() == STAMP
    for _ in range(2):  # it never goes back either
        session.start_run(ManualDeadline())
        assert clock.now() == STAMP + 60_000


def test_the_clock_also_reads_refusals(stub, session):
    stub.answer(CREATE, refused(110007, stamp=STAMP + 9))
    with pytest.raises(Rejected):
        act(session)
    assert session.now() == STAMP + 9
    assert len(stub.sent(TIME)) == 1


def test_requests_are_counted_by_path_and_code(stub, session):
    stub.answer(TICKERS, Reply(b"<html>"), ok({}))
    ask(session)
    stub.answer(CREATE, refused(110007))
    with pytest.raises(Rejected):
        act(session)
    counted = {(TICKERS, -1): 1, (TICKERS, 0): 1, (CREATE, 110007): 1}
    assert session.traffic.take().requests == counted
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


def health(session, now=STAMP):
    return session.health.recent(now)


@pytest.mark.parametrize(
    ("reply", "failed"),
    [
        (refused(10006), 1),
        (refused(429), 1),
        (Reply(status=429), 1),
        (refused(110007), 0),
        (refused(10003), 0),
        (refused(10001), 0),
        (refused(10002), 0),
        (Reply(status=401), 0),
        (Reply(status=404), 0),
        (refused(110043), 0),
        (ACCEPTED, 0),
    ],
)
def test_a_refusal_is_no_failure_and_a_full_queue_is_one(stub, session, reply, failed):
    ask_time(session)
    stub.answer(CREATE, reply)
    with suppress(PumpwatchError):
        act(session)
    assert health(session) == Health(requests=2, failures=failed)


def test_health_looks_back_ten_minutes_by_the_exchanges_time(stub, session):
    stub.answer(TICKERS, Reply(status=500))
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    stub.answer(TIME, ok({}), ok({}, stamp=STAMP + 550_000), ok({}, stamp=STAMP + 640_000))
    ask_time(session)
    assert health(session) == Health(requests=3, failures=2)
    ask_time(session)
    assert health(session, STAMP + 550_000) == Health(requests=4, failures=2)
    ask_time(session)
    assert health(session, STAMP + 640_000) == Health(requests=2, failures=0)
