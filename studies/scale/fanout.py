"""From one signal to every user's acknowledged order: a discrete-event model of the way.

    dispatch -> queue, a message group for each user -> an execution environment -> rounds of
    requests, each of which waits for its turn at the address's budget -> acknowledged

An environment that is warm takes a message at once; others are started at Lambda's rate, up to the
concurrency there is, and need a cold start first. Messages of one user are handled one after
another, as its lease demands. Seeded; times in seconds.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import simpy

from pumpwatch.errors import BadInput
from pumpwatch_workbench.simulator.market.source import FloatArray

Steps = Generator[Any, Any, None]


@dataclass(frozen=True, slots=True)
class Fanout:
    """The way's numbers. Rates are a second; a rate of `inf` limits nothing."""

    users: int
    concurrency: int
    """Environments at most."""
    warm: int = 0
    """Of them, those that wait when the signal comes."""
    starts: float = 100.0
    """Environments that are started: Lambda's 1,000 each 10 seconds."""
    starts_at_once: int = 1_000
    cold_seconds: float = 0.0
    dispatch_calls: float = float("inf")
    """Calls to the queue."""
    batch: int = 10
    """Messages in a call."""
    deliver_seconds: float = 0.0
    """From the queue to the environment."""
    addresses: int = 1
    address_requests: float = float("inf")
    """Of each address."""
    rounds: int = 1
    requests: int = 1
    """In all rounds together."""
    latency_seconds: float = 0.0
    """Of a round."""
    spread: float = 0.0
    """Of the latency, as the standard deviation of its logarithm."""
    compute_seconds: float = 0.0
    """Of a whole run, up to the order."""
    after_seconds: float = 0.0
    """For which the environment is still busy after the acknowledgement."""
    lease_units: float = 0.0
    """Write units of one key that all users share; 0: each has its own."""
    partition_writes: float = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Waited:
    """Seconds from each message's arrival to its acknowledgement, in the order of arrivals."""

    seconds: FloatArray

    def at(self, percent: float) -> float:
        """Return a percentile."""
        return float(np.percentile(self.seconds, percent))

    def within(self, seconds: float) -> float:
        """Return the share that came within so many seconds."""
        return float((self.seconds <= seconds).mean())


class _Turns:
    """Turns at a steady rate, handed out in the order they are asked for; some are saved up."""

    def __init__(self, world: simpy.Environment, rate: float, saved: float = 1.0) -> None:
        self._world, self._pause = world, 1.0 / rate
        self._saved = saved * self._pause
        self._next = -self._saved

    def take(self, turns: float = 1.0) -> simpy.Timeout:
        """Return an event at the time of the turn."""
        now = self._world.now
        self._next = max(self._next, now - self._saved) + turns * self._pause
        return self._world.timeout(max(0.0, self._next - now))


class _Way:
    """One simulation."""

    def __init__(self, plan: Fanout, arrivals: Sequence[float], seed: int) -> None:
        self._plan, self._arrivals = plan, arrivals
        world = simpy.Environment()
        self._world = world
        self._idle = simpy.Store(world)
        self._idle.items.extend(range(min(plan.warm, plan.concurrency)))
        self._started = len(self._idle.items)
        self._waiting = 0
        self._starts = _Turns(world, plan.starts, plan.starts_at_once)
        self._calls = _Turns(world, plan.dispatch_calls)
        self._lease = _Turns(world, plan.partition_writes, plan.partition_writes)
        # Five seconds are saved up: Bybit counts 600 requests in any five of them.
        saved = max(1.0, plan.address_requests) if np.isfinite(plan.address_requests) else 1.0
        self._budgets = [_Turns(world, plan.address_requests, saved) for _ in range(plan.addresses)]
        self._writers = [simpy.Resource(world) for _ in range(plan.users)]
        self._random = np.random.default_rng(seed)
        self._waited = np.zeros(len(arrivals))

    def run(self) -> Waited:
        for number, arrival in enumerate(self._arrivals):
            self._world.process(self._message(number, arrival))
        self._world.run()
        return Waited(self._waited)

    def _message(self, number: int, arrival: float) -> Steps:
        plan, world = self._plan, self._world
        yield world.timeout(arrival)
        yield self._calls.take(1.0 / plan.batch)
        user = number % plan.users
        with self._writers[user].request() as alone:
            yield alone
            environment = yield from self._environment()
            yield world.timeout(plan.deliver_seconds)
            yield from self._order(user)
            self._waited[number] = world.now - arrival
            yield world.timeout(plan.after_seconds)
        self._idle.put(environment)

    def _environment(self) -> Generator[Any, Any, int]:
        """Wait for an idle environment; start another when all are taken and one is allowed."""
        self._waiting += 1
        if self._waiting > len(self._idle.items) and self._started < self._plan.concurrency:
            self._started += 1
            self._world.process(self._start(self._started))
        environment: int = yield self._idle.get()
        self._waiting -= 1
        return environment

    def _start(self, number: int) -> Steps:
        yield self._starts.take()
        yield self._world.timeout(self._plan.cold_seconds)
        self._idle.put(number)

    def _order(self, user: int) -> Steps:
        plan, world = self._plan, self._world
        budget = self._budgets[user % plan.addresses]
        if plan.lease_units:
            yield self._lease.take(plan.lease_units)
        for round_ in range(plan.rounds):
            first, last = (plan.requests * one // plan.rounds for one in (round_, round_ + 1))
            yield budget.take(last - first)
            yield world.timeout(plan.compute_seconds / plan.rounds + self._latency())

    def _latency(self) -> float:
        plan = self._plan
        if not plan.spread:
            return plan.latency_seconds
        return plan.latency_seconds * float(self._random.lognormal(0.0, plan.spread))


def simulate(plan: Fanout, *, seed: int = 1, arrivals: Sequence[float] = ()) -> Waited:
    """Send one message to every user at time 0, or at `arrivals` in turn, and wait for them all.

    Raises `BadInput` for a way that nothing could get through.
    """
    counts = (plan.users, plan.concurrency, plan.addresses, plan.rounds, plan.batch)
    if min(counts) < 1 or min(plan.starts, plan.dispatch_calls, plan.address_requests) <= 0:
        raise BadInput("users, concurrency, addresses, rounds and rates must be above 0")
    return _Way(plan, arrivals or [0.0] * plan.users, seed).run()
