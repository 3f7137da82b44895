"""The token bucket: fast enough, and never so fast that the exchange bans the address."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch.adapters.bybit.limiter import RateLimiter
from pumpwatch.adapters.memory import ManualDeadline
from pumpwatch.errors import DeadlineNear


class Time:
    """A clock that only waiting moves."""

    def __init__(self):
        self.now = 0.0

    def wait(self, seconds):
        self.now += seconds

    def limiter(self, rate):
        return RateLimiter(rate, wait=self.wait, monotonic=lambda: self.now)


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
