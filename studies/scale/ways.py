"""The ways that a signal can take to its users, with what was measured of a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

from pumpwatch.settings.detect import DetectSettings

from .fanout import Fanout
from .limits import Limit
from .load import seconds_in_lambda
from .money import trade_start_seconds
from .tick import LATENCY_MS
from .users import UserFigures

USERS_PER_ADDRESS = 100
MORE_CONCURRENCY = 10_000
ROUNDS = 4
"""In which the requests up to an order go out (benchmarks/results.json, trade)."""
STORE_SECONDS = 0.05
"""Ten calls of the table up to the order at 5 ms: an assumption."""
SPREAD = 0.3
"""Of the latencies, as the standard deviation of their logarithm: an assumption."""
DELIVER_SECONDS = 0.05
OWN_BUDGET = float(DetectSettings.model_fields["requests_per_second"].default)
"""Requests a second that we allow ourselves of the 120."""
CALLS_AT_A_TIME = 200.0
"""Calls to the queue a second that one dispatcher makes with some threads: an assumption."""

Limits = Mapping[str, Limit]


def addresses_for(users: int) -> int:
    """Return the addresses of the keyed shape."""
    return math.ceil(users / USERS_PER_ADDRESS)


def _way(user: UserFigures, users: int, limits: Limits) -> Fanout:
    """Return the way through a queue from one address, with an account's default quotas."""
    entry, idle = user.entry, user.idle
    waiting = ROUNDS * LATENCY_MS / 1_000
    whole = seconds_in_lambda(entry)
    compute = seconds_in_lambda(replace(entry, seconds=entry.cpu_seconds)) + STORE_SECONDS
    return Fanout(
        users=users,
        concurrency=max(1, int(min(limits["concurrency"].value, limits["event_source"].value))),
        warm=math.ceil(users * seconds_in_lambda(idle) / 60),
        cold_seconds=trade_start_seconds(),
        dispatch_calls=min(CALLS_AT_A_TIME, limits["queue_calls"].value),
        deliver_seconds=DELIVER_SECONDS,
        address_requests=min(OWN_BUDGET, limits["address_requests"].value),
        rounds=ROUNDS,
        requests=entry.until_order,
        latency_seconds=LATENCY_MS / 1_000,
        spread=SPREAD,
        compute_seconds=compute,
        after_seconds=max(0.0, whole - compute - waiting),
    )


def _one_lease(user: UserFigures, users: int, limits: Limits) -> Fanout:
    return replace(_way(user, users, limits), concurrency=1, warm=1)


def _many_addresses(user: UserFigures, users: int, limits: Limits) -> Fanout:
    return replace(_way(user, users, limits), addresses=addresses_for(users))


def _kept_warm(user: UserFigures, users: int, limits: Limits) -> Fanout:
    return replace(_many_addresses(user, users, limits), concurrency=MORE_CONCURRENCY, warm=users)


WAYS: Mapping[str, Callable[[UserFigures, int, Limits], Fanout]] = {
    "one lease for all": _one_lease,
    "a queue, one address": _way,
    f"a queue, an address for {USERS_PER_ADDRESS} users": _many_addresses,
    "the same, every worker warm": _kept_warm,
}
