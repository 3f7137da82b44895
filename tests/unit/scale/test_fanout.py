"""The model of a signal's way to many users, held to what queueing theory says of its parts."""

import math

import numpy as np
import pytest

from pumpwatch.errors import BadInput
from studies.scale.fanout import Fanout, simulate


def way(users=10, *, concurrency=1, **more):
    return Fanout(users=users, concurrency=concurrency, warm=concurrency, **more)


def poisson(servers, load, jobs, seed=6):
    """Arrivals at servers that take a second each."""
    random = np.random.default_rng(seed)
    return np.cumsum(random.exponential(1 / (load * servers), jobs)).tolist()


def waits(servers, arrivals):
    """The simulated waits."""
    plan = way(len(arrivals), concurrency=servers, latency_seconds=1.0)
    return simulate(plan, arrivals=arrivals).seconds - 1.0


def waits_by_recursion(servers, arrivals):
    """Kiefer and Wolfowitz: each job takes the server that is free first."""
    free, found = [0.0] * servers, []
    for arrival in arrivals:
        start = max(arrival, min(free))
        free[free.index(min(free))] = start + 1.0
        found.append(start - arrival)
    return found


def waits_with_exponential_service(servers, load):
    """Erlang C's mean wait of M/M/c, service of a second."""
    offered = servers * load
    terms = [offered**k / math.factorial(k) for k in range(servers)]
    last = offered**servers / math.factorial(servers) / (1 - load)
    return last / (sum(terms) + last) / (servers - offered)


@pytest.mark.parametrize("servers", [1, 4])
def test_every_wait_is_that_of_the_recursion(servers):
    arrivals = poisson(servers, 0.9, 300)
    assert waits(servers, arrivals) == pytest.approx(waits_by_recursion(servers, arrivals))


def test_one_server_waits_as_pollaczek_and_khinchine_say():
    load = 0.4
    found = waits(1, poisson(1, load, 5_000)).mean()
    assert found == pytest.approx(load / (2 * (1 - load)), rel=0.06)


def test_several_servers_wait_as_cosmetatos_says_of_constant_service():
    servers, load = 3, 0.5
    more = (1 - load) * (servers - 1) * (math.sqrt(4 + 5 * servers) - 2) / (16 * load * servers)
    expected = waits_with_exponential_service(servers, load) / 2 * (1 + more)
    assert waits(servers, poisson(servers, load, 5_000)).mean() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(("jobs", "servers"), [(10, 1), (10, 3), (7, 7)])
def test_a_burst_is_served_in_rows_of_as_many_as_there_are_servers(jobs, servers):
    found = simulate(way(jobs, concurrency=servers, latency_seconds=2.0)).seconds
    assert found.tolist() == [2.0 * math.ceil((n + 1) / servers) for n in range(jobs)]


def test_the_address_gives_its_requests_at_its_rate_after_what_it_saved():
    plan = way(100, concurrency=100, address_requests=10.0, requests=4)
    found = sorted(simulate(plan).seconds)
    assert found[1] == 0.0  # ten were saved: two users' requests and a half
    assert found[-1] == pytest.approx((100 * 4 - 10) / 10.0)


def test_two_addresses_halve_the_time():
    one, two = (
        simulate(way(200, concurrency=200, addresses=count, address_requests=10.0, requests=4))
        for count in (1, 2)
    )
    assert two.seconds.max() == pytest.approx((100 * 4 - 10) / 10.0)
    assert one.seconds.max() == pytest.approx((200 * 4 - 10) / 10.0)


def test_cold_environments_start_at_lambdas_rate():
    slow = {"cold_seconds": 5.0, "after_seconds": 100.0}
    plan = Fanout(users=30, concurrency=100, starts=10.0, starts_at_once=10, **slow)
    found = simulate(plan).seconds
    assert found[:10].tolist() == [5.0] * 10
    assert found[-1] == pytest.approx(5.0 + 20 / 10.0)


def test_a_warm_environment_takes_over_from_one_that_is_still_cold():
    plan = Fanout(users=3, concurrency=3, warm=1, cold_seconds=60.0, latency_seconds=1.0)
    assert simulate(plan).seconds.tolist() == [1.0, 2.0, 3.0]


def test_no_more_environments_run_than_there_may():
    plan = Fanout(users=6, concurrency=2, cold_seconds=1.0, latency_seconds=1.0)
    assert simulate(plan).seconds.tolist() == [2.0, 2.0, 3.0, 3.0, 4.0, 4.0]


def test_messages_of_one_user_are_handled_one_after_another():
    plan = way(1, concurrency=5, latency_seconds=1.0, after_seconds=0.5)
    assert simulate(plan, arrivals=[0.0, 0.0, 0.0]).seconds.tolist() == [1.0, 2.5, 4.0]


def test_a_shared_key_throttles_and_own_keys_do_not():
    shared = way(100, concurrency=100, lease_units=8.0, partition_writes=80.0)
    assert simulate(shared).seconds.max() == pytest.approx((100 * 8 - 80) / 80.0)
    assert simulate(way(100, concurrency=100, partition_writes=80.0)).seconds.max() == 0.0


def test_the_dispatcher_sends_batches():
    plan = way(100, concurrency=100, dispatch_calls=2.0, batch=10)
    assert simulate(plan).seconds.max() == pytest.approx(100 / 10 / 2.0 - 0.5, abs=0.06)


def test_same_seed_same_delays():
    plan = way(50, concurrency=50, latency_seconds=0.06, spread=0.3, rounds=4, requests=8)
    first, again, other = (simulate(plan, seed=seed).seconds for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_percentiles_are_of_the_acknowledgements():
    found = simulate(way(100, latency_seconds=1.0))
    assert found.at(50) == pytest.approx(50.5)
    assert found.within(10.0) == pytest.approx(0.1)


@pytest.mark.parametrize(
    "changes", [{"users": 0}, {"concurrency": 0}, {"addresses": 0}, {"starts": 0.0}]
)
def test_a_way_that_lets_nothing_through_is_refused(changes):
    with pytest.raises(BadInput, match="must be above 0"):
        simulate(Fanout(**{"users": 1, "concurrency": 1, **changes}))
