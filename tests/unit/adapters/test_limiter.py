"""The rate limits: fast enough, and never so fast that the exchange refuses or bans."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.doubles import ManualDeadline

from pumpwatch.adapters.bybit import endpoints as e
from pumpwatch.adapters.bybit.limiter import Budgets, RateLimiter, WindowLimiter
from pumpwatch.adapters.deadlines import NoDeadline
from pumpwatch.errors import DeadlineNear


class Time:
    """A clock that only waiting moves."""

    def __init__(self):
        self.now = 0.0

    def wait(self, seconds):
        self.now += seconds

    def limiter(self, rate):
        return RateLimiter(rate, wait=self.wait, monotonic=self.read)

    def window(self, most):
        return WindowLimiter(most, 1.0, wait=self.wait, monotonic=self.read)

    def budgets(self, rate=90):
        return Budgets(rate, wait=self.wait, monotonic=self.read)

    def read(self):
        return self.now


def turns(rate, count, pauses=()):
    time, deadline = Time(), ManualDeadline(1e9)
    limiter = time.limiter(rate)
    sent = []
    for number in range(count):
        time.now += pauses[number % len(pauses)] if pauses else 0.0
        limiter.take(deadline)
        sent.append(time.now)
    return sent


@pytest.mark.parametrize("rate", [1, 10, 90, 110])
def test_turns_come_at_the_rate_after_the_burst(rate):
    sent = turns(rate, 20 * rate)
    assert len(sent) / sent[-1] == pytest.approx(rate, rel=0.1)


@settings(deadline=None, max_examples=30)
@given(
    rate=st.integers(1, 110),
    pauses=st.lists(st.floats(0, 3), min_size=1, max_size=5),
)
def test_no_five_seconds_hold_more_than_the_exchange_allows(rate, pauses):
    sent = turns(rate, 1500, pauses=[*pauses, *[0.0] * 400])
    start = 0
    for end, moment in enumerate(sent):
        while sent[start] <= moment - 5:
            start += 1
        assert end - start + 1 <= 600


def test_a_turn_that_would_come_too_late_is_refused_and_not_taken():
    time = Time()
    limiter, deadline = time.limiter(1), ManualDeadline(0.5)
    limiter.take(deadline)
    for _ in range(3):
        with pytest.raises(DeadlineNear):
            limiter.take(deadline)
    time.now += 1.0
    limiter.take(deadline)
    assert time.now == 1.0


def busiest(moments, seconds):
    """Return the most that any window of so many seconds holds."""
    moments, start, most = sorted(moments), 0, 0
    for end, moment in enumerate(moments):
        while moments[start] <= moment - seconds + 1e-9:
            start += 1
        most = max(most, end - start + 1)
    return most


@settings(deadline=None, max_examples=50)
@given(
    most=st.integers(1, 12),
    pauses=st.lists(st.floats(0, 0.4) | st.just(0.0), min_size=1, max_size=60),
)
def test_no_second_holds_more_turns_than_allowed_and_none_waits_without_need(most, pauses):
    time, sent = Time(), []
    window = time.window(most)
    for pause in pauses:
        time.now += pause
        before = time.now
        window.take(NoDeadline())
        waited = time.now - before
        assert waited == 0 or len([m for m in sent if m > before - 1.0]) >= most
        sent.append(time.now)
    assert busiest(sent, 1.0) <= most


def test_a_refused_turn_of_a_window_is_not_taken():
    time = Time()
    window = time.window(2)
    for _ in range(2):
        window.take(ManualDeadline(0.5))
    for _ in range(3):
        with pytest.raises(DeadlineNear):
            window.take(ManualDeadline(0.5))
    time.now += 1.0
    window.take(ManualDeadline(0.5))
    assert time.now == 1.0


LIMITS = {
    e.CREATE_ORDER: 10,
    e.SET_LEVERAGE: 10,
    e.TRADING_STOP: 10,
    e.API_KEY: 10,
    e.OPEN_ORDERS: 50,
    e.ORDER_HISTORY: 50,
    e.EXECUTIONS: 50,
    e.POSITIONS: 50,
    e.WALLET: 50,
}


@pytest.mark.parametrize("endpoint", LIMITS, ids=lambda endpoint: endpoint.path)
def test_every_endpoint_of_an_account_stays_below_its_limit(endpoint):
    time, sent = Time(), []
    budgets = time.budgets(rate=110)
    for _ in range(200):
        budgets.take(endpoint, NoDeadline())
        sent.append(time.now)
    assert busiest(sent, 1.0) == LIMITS[endpoint] * 8 // 10


@pytest.mark.parametrize(
    "endpoint", [e.TIME, e.TICKERS, e.KLINE, e.INSTRUMENTS, e.ORDER_BOOK], ids=lambda one: one.path
)
def test_market_data_is_bound_by_the_address_alone(endpoint):
    time = Time()
    budgets = time.budgets()
    for _ in range(90):
        budgets.take(endpoint, NoDeadline())
    assert time.now == 0.0


def test_one_endpoint_never_waits_for_another():
    time = Time()
    budgets = time.budgets()
    for _ in range(8):
        budgets.take(e.CREATE_ORDER, NoDeadline())
    for endpoint in (e.TRADING_STOP, e.SET_LEVERAGE, e.POSITIONS, e.TIME):
        budgets.take(endpoint, NoDeadline())
    assert time.now == 0.0
    with pytest.raises(DeadlineNear):
        budgets.take(e.CREATE_ORDER, ManualDeadline(1.0))
    budgets.take(e.CREATE_ORDER, NoDeadline())
    assert time.now == pytest.approx(1.0)


@settings(deadline=None, max_examples=20)
@given(
    choices=st.lists(st.sampled_from([*LIMITS, e.TICKERS, e.KLINE]), min_size=200, max_size=400),
    rate=st.integers(60, 110),
)
def test_all_budgets_hold_whatever_is_mixed(choices, rate):
    time, sent = Time(), []
    budgets = time.budgets(rate)
    for endpoint in choices * 4:
        budgets.take(endpoint, NoDeadline())
        sent.append((time.now, endpoint))
    assert busiest([moment for moment, _ in sent], 5.0) <= 600
    for endpoint, limit in LIMITS.items():
        assert busiest([moment for moment, one in sent if one is endpoint] or [0], 1.0) <= limit


def test_threads_never_take_the_same_turn():
    waits = []
    budgets = Budgets(90, wait=waits.append, monotonic=lambda: 0.0)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: budgets.take(e.CREATE_ORDER, NoDeadline()), range(40)))
    assert sorted(waits) == [float(second) for second in (1, 2, 3, 4) for _ in range(8)]
