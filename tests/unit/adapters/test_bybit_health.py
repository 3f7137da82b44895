"""How the exchange has answered in the last ten minutes."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpwatch.adapters.bybit.traffic import SPAN, STEP, RollingHealth
from pumpwatch.domain.trading.protections.base import Health

NOW = 1_760_000_000_000
MINUTE = 60_000


def noted(*requests):
    health = RollingHealth()
    for time, failed in requests:
        health.note(time, failed=failed)
    return health


def test_nothing_asked_is_nothing_failed():
    assert noted().recent(NOW) == Health(requests=0, failures=0)


def test_requests_and_failures_are_counted():
    health = noted((NOW, False), (NOW + 5, True), (NOW + MINUTE, False))
    assert health.recent(NOW + MINUTE) == Health(requests=3, failures=1)


@pytest.mark.parametrize(
    ("minutes", "counted"), [(0, 1), (9, 1), (9.9, 1), (10.5, 0), (60, 0), (100_000, 0)]
)
def test_a_failure_is_forgotten_after_ten_minutes(minutes, counted):
    health = noted((NOW, True))
    assert health.recent(NOW + int(minutes * MINUTE)) == Health(counted, counted)


def test_what_was_asked_before_the_time_was_known_gets_the_next_time():
    health = noted((None, True), (None, True), (NOW, False))
    assert health.recent(NOW) == Health(requests=3, failures=2)
    assert noted((None, True)).recent(NOW) == Health(requests=1, failures=1)


def test_memory_is_bounded_whatever_the_times():
    health = RollingHealth()
    for number in range(50_000):
        health.note(NOW + number * 997, failed=number % 3 == 0)
    assert len(health._requests) <= SPAN // STEP + 2
    assert len(health._failures) <= SPAN // STEP + 2


@given(
    requests=st.lists(
        st.tuples(st.none() | st.integers(NOW - 3 * SPAN, NOW), st.booleans()), max_size=60
    )
)
def test_counts_are_right_to_the_step(requests):
    found = noted(*requests).recent(NOW)
    undated = sum(time is None for time, _ in requests)
    surely = sum(time is not None and time > NOW - SPAN for time, _ in requests)
    at_most = sum(time is not None and time > NOW - SPAN - STEP for time, _ in requests)
    assert surely <= found.requests <= at_most + undated
    assert 0 <= found.failures <= found.requests


def test_threads_lose_no_count():
    health = RollingHealth()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: health.note(NOW + n, failed=n % 2 == 0), range(2_000)))
    assert health.recent(NOW + 2_000) == Health(requests=2_000, failures=1_000)
