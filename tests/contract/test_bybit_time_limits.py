"""Nothing waits longer than it may: rate limits, deadlines, slow answers, old decisions."""

import hmac
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from support.doubles import ManualClock, ManualDeadline
from support.records import an_entry
from support.stub_bybit import ACCEPTED, KEY, STAMP, Reply, act, ask, ok, refused

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.adapters.bybit.ticker_rows import TickerRows
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.domain.trading.orders import StopTrigger
from pumpwatch.errors import DeadlineNear, ExchangeUnavailable, OutcomeUnknown

TIME, TICKERS, CREATE = e.TIME.path, e.TICKERS.path, e.CREATE_ORDER.path
LONG = ok({"text": "x" * 200}).body


class Stopwatch:
    def __enter__(self):
        self._start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.seconds = time.monotonic() - self._start


# --- slow answers ------------------------------------------------------------------------

LONG_AGO = 10
"""Seconds: less than any of the slow answers takes, and more than a busy machine adds."""
SLOW = {
    "silent": Reply(LONG, delay=12),
    "dripping body": Reply(LONG, drip=0.1),
    "dripping headers": Reply(LONG, drip_head=0.1),
    "body without an end": Reply(LONG, drip=0.1, headers={"Connection": "close"}),
}


@pytest.mark.parametrize("reply", SLOW.values(), ids=SLOW)
def test_a_slow_answer_is_given_up_after_the_time_out_in_all(stub, session_to, reply):
    session = session_to(stub.url, key=KEY, timeout_seconds=0.4, wait=lambda _: None)
    session.time()
    stub.answer(CREATE, reply)
    with Stopwatch() as order, pytest.raises(OutcomeUnknown):
        act(session)
    stub.answer(TICKERS, reply)
    with Stopwatch() as question, pytest.raises(ExchangeUnavailable):
        ask(session)
    assert 0.3 < order.seconds < LONG_AGO
    assert 0.6 < question.seconds < LONG_AGO  # asked twice
    assert (len(stub.sent(CREATE)), len(stub.sent(TICKERS))) == (1, 2)


@pytest.mark.parametrize("reply", SLOW.values(), ids=SLOW)
def test_a_request_never_outlasts_the_run(stub, session_to, reply):
    session = session_to(stub.url, key=KEY, timeout_seconds=30)
    session.time()
    session.start_run(TimerDeadline(0.7))
    stub.answer(CREATE, reply)
    with Stopwatch() as order, pytest.raises(OutcomeUnknown):
        act(session)
    assert order.seconds < LONG_AGO


def test_an_answer_that_comes_slowly_but_in_time_is_read_whole(stub, session_to):
    body = ok({"list": []}).body
    stub.answer(TICKERS, Reply(body, drip=0.2 / len(body)))
    assert ask(session_to(stub.url, timeout_seconds=10)).result == TickerRows([])


def test_a_connection_serves_many_requests_and_heals(stub, session):
    stub.answer(TICKERS, ok({"list": []}))
    for _ in range(5):
        ask(session)
    assert stub.connections == 1
    stub.answer(TICKERS, Reply(hang_up=True), ok({"list": [1]}))
    assert ask(session).result == {"list": [1]}
    assert stub.connections == 2


RESET = "X-Bapi-Limit-Reset-Timestamp"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, 1.0),
        ({RESET: "0"}, 0.1),
        ({RESET: "99999999999999"}, 2.0),
        ({RESET: "soon"}, 1.0),
        ({RESET: "nan"}, 0.1),
        ({RESET: "-inf"}, 0.1),
        ({RESET: "1e999"}, 2.0),
    ],
    ids=["absent", "past", "far ahead", "no number", "not a number", "never", "for ever"],
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


@pytest.mark.parametrize("reply", [refused(10006, "Too many visits!"), Reply(status=429)])
def test_a_rate_limit_on_an_order_is_not_waited_for(stub, session, waits, reply):
    stub.answer(CREATE, reply, ACCEPTED)
    with pytest.raises(ExchangeUnavailable):
        act(session)
    assert (len(stub.sent(CREATE)), waits) == (1, [])


def test_orders_of_a_run_keep_to_their_own_limit_in_every_thread(stub, session_to):
    waits = []

    def wait(seconds):
        waits.append(seconds)
        time.sleep(seconds)

    stub.answer(e.SET_LEVERAGE.path, ok({}))
    stub.answer(e.WALLET.path, ok({"list": []}))
    session = session_to(stub.url, key=KEY, wait=wait)
    session.time()

    def set_leverage(_):
        session.call(e.SET_LEVERAGE, category="linear", symbol="AUSDT")

    with ThreadPoolExecutor(6) as pool, Stopwatch() as all_orders:
        list(pool.map(set_leverage, range(18)))
    assert len(stub.sent(e.SET_LEVERAGE.path)) == 18
    assert all_orders.seconds > 1.9  # eight in a second, so the last two come after two of them
    waited = len(waits)
    session.call(e.WALLET, accountType="UNIFIED")
    assert waits[waited:] == []  # another endpoint has a budget of its own


# --- deadlines ---------------------------------------------------------------------------


@pytest.mark.parametrize("call", [ask, act])
def test_too_little_time_left_sends_nothing(stub, session, call):
    session.start_run(ManualDeadline(0.1))
    with pytest.raises(DeadlineNear):
        call(session)
    assert stub.requests == []


def test_too_little_time_left_forgoes_the_second_question(stub, session, waits):
    stub.answer(TICKERS, Reply(status=502), ok({}))
    session.start_run(ManualDeadline(0.9))
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    assert (len(stub.requests), waits) == (1, [])


# --- the connection is warm before an order ----------------------------------------------


def paths(stub):
    return [request.path for request in stub.requests]


def test_the_first_order_of_every_run_comes_after_a_question(stub, session):
    stub.answer(CREATE, ACCEPTED)
    stub.answer(TICKERS, ok({}))
    act(session)
    act(session)
    assert paths(stub) == [TIME, CREATE, CREATE]
    session.start_run(ManualDeadline())
    act(session)
    assert paths(stub)[3:] == [TIME, CREATE]
    session.start_run(ManualDeadline())
    ask(session)
    act(session)
    assert paths(stub)[5:] == [TICKERS, CREATE]
    assert stub.connections == 1


def test_a_connection_that_died_between_runs_costs_a_question_not_an_order(stub, session):
    stub.answer(CREATE, ACCEPTED)
    act(session)
    session.start_run(ManualDeadline())
    stub.answer(TIME, Reply(hang_up=True), ok({}))
    act(session)
    assert paths(stub)[2:] == [TIME, CREATE]


@pytest.mark.parametrize("reply", [Reply(hang_up=True), Reply(status=502), Reply(b"<html>")])
def test_a_time_that_is_not_told_stops_no_order(stub, session, reply):
    stub.answer(TIME, reply)
    stub.answer(CREATE, ACCEPTED)
    act(session)
    assert paths(stub) == [TIME, CREATE]


def test_any_answer_of_the_run_warms_the_connection(stub, session):
    stub.answer(TICKERS, Reply(status=503))
    stub.answer(CREATE, ACCEPTED)
    with pytest.raises(ExchangeUnavailable):
        ask(session)
    act(session)
    assert paths(stub) == [TICKERS, TICKERS, CREATE]


# --- old decisions -----------------------------------------------------------------------


def place(session, send_by):
    return BybitBroker(session, ManualClock(STAMP)).place(an_entry(send_by=send_by))


def test_an_order_is_not_sent_from_its_last_moment_on(stub, session):
    stub.answer(CREATE, ACCEPTED)
    for send_by in (STAMP - 60_000, STAMP):
        with pytest.raises(DeadlineNear, match="too late"):
            place(session, send_by)
    assert stub.sent(CREATE) == []
    assert place(session, STAMP + 60_000) == "c18b72e4"
    assert place(session, None) == "c18b72e4"


def test_the_exchanges_time_goes_on_between_answers(stub, session):
    stub.answer(CREATE, ACCEPTED)
    session.time()
    time.sleep(0.15)
    with pytest.raises(DeadlineNear):
        place(session, STAMP + 100)
    assert stub.sent(CREATE) == []


def test_the_answer_before_an_order_can_make_it_too_late(stub, session):
    stub.answer(TIME, ok({}, stamp=STAMP + 90_000))
    stub.answer(CREATE, ACCEPTED)
    with pytest.raises(DeadlineNear):
        place(session, STAMP + 60_000)
    assert stub.sent(CREATE) == []


class Clocks:
    """Our two clocks, seconds; the wall clock may be wrong."""

    def __init__(self, wall=STAMP / 1000):
        self.wall, self.passed = wall, 0.0

    def time(self):
        return self.wall

    def monotonic(self):
        return self.passed


@pytest.fixture
def clocks():
    return Clocks()


@pytest.fixture
def timed(stub, session_to, clocks):
    """A session with the rule of a deployed function."""
    rule = ExchangeTime(clocks)
    return session_to(stub.url, key=KEY, wait=lambda _: None, exchange_time=rule)


@pytest.mark.parametrize("faster", ["wall", "passed"])
def test_the_faster_of_our_two_clocks_says_when_an_order_is_too_late(stub, timed, clocks, faster):
    stub.answer(CREATE, ACCEPTED)
    timed.time()
    assert place(timed, STAMP + 5_000) == "c18b72e4"
    setattr(clocks, faster, getattr(clocks, faster) + 5.0)
    with pytest.raises(DeadlineNear):
        place(timed, STAMP + 5_000)
    assert len(stub.sent(CREATE)) == 1


# --- a clock that is wrong ---------------------------------------------------------------


def test_a_stamp_that_is_hours_ahead_dates_nothing(stub, timed, clocks):
    timed.time()
    stub.answer(TICKERS, ok({}, stamp=STAMP + 7_200_000))
    assert ask(timed).time == STAMP
    clock = timed
    assert clock.now() == STAMP
    assert "7200.0 s ahead" in clock.doubt()
    timed.time()
    assert clock.doubt() == ""


def test_a_cold_start_with_a_wrong_clock_sets_stops_and_learns_the_time(stub, timed, clocks):
    clocks.wall += 600
    stub.answer(e.TRADING_STOP.path, ok({}))
    stub.answer(TICKERS, ok({}), ok({}, stamp=STAMP + 500), ok({}, stamp=STAMP + 1_000))
    assert ask(timed).time == STAMP + 600_000
    clock = timed
    assert clock.doubt()
    BybitBroker(timed, clock).set_protection(
        "PUMPUSDT", stop_loss=Decimal(2), take_profit=None, trigger=StopTrigger.LAST_PRICE
    )
    for _ in range(2):
        clocks.wall, clocks.passed = clocks.wall + 0.5, clocks.passed + 0.5
        ask(timed)
    assert (clock.now(), clock.doubt()) == (STAMP + 1_000, "")


def test_where_no_time_is_told_our_own_goes_on_and_it_is_asked_for_once(stub, timed, clocks):
    stub.answer(TIME, Reply(status=503))
    clock = timed
    assert clock.now() == clock.now() == STAMP
    clocks.wall += 3
    assert clock.now() == STAMP + 3_000
    assert len(stub.requests) == 2  # a question is asked twice


def signed_at(request):
    return int(request.headers["X-BAPI-TIMESTAMP"])


def test_a_question_refused_for_its_time_is_asked_again_by_the_clock_that_refused_it(
    stub, session_to
):
    session = session_to(stub.url, key=KEY, wait=lambda _: None, exchange_time=ExchangeTime())
    stub.answer(e.WALLET.path, refused(10002), ok({"list": []}))
    assert session.call(e.WALLET, accountType="UNIFIED").result == {"list": []}
    first, second = stub.requests
    assert abs(signed_at(first) / 1000 - time.time()) < 60
    assert abs(signed_at(second) - STAMP) < 60_000
    signed = [second.headers["X-BAPI-TIMESTAMP"], KEY.api_key, "5000", second.raw_query]
    right = hmac.new(KEY.api_secret.encode(), "".join(signed).encode(), "sha256").hexdigest()
    assert second.headers["X-BAPI-SIGN"] == right


def test_a_wrong_clock_costs_one_refusal_and_an_order_is_not_sent_again(stub, session_to):
    session = session_to(stub.url, key=KEY, wait=lambda _: None, exchange_time=ExchangeTime())
    stub.answer(CREATE, refused(10002), ACCEPTED)
    with pytest.raises(ExchangeUnavailable, match="10002"):
        act(session)
    assert len(stub.sent(CREATE)) == 1
    act(session)
    assert abs(signed_at(stub.requests[-1]) - STAMP) < 60_000
    stub.answer(e.WALLET.path, refused(10002))
    with pytest.raises(ExchangeUnavailable, match="10002"):
        session.call(e.WALLET, accountType="UNIFIED")
    assert len(stub.sent(e.WALLET.path)) == 1
