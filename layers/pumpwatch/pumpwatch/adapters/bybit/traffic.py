"""Counts of requests to the exchange: outcomes, latencies and recent failures."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

from pumpwatch.domain.market.health import Health
from pumpwatch.ports import ExchangeHealth

MOST_LATENCIES = 5_000
"""Kept between two runs; a backfill without reports must not grow without bound."""

SPAN = 600_000
"""The time span of `recent`, milliseconds."""
STEP = 10_000
"""Requests are counted by steps of this many milliseconds."""


@dataclass(slots=True)
class RequestCounts:
    """Requests by (path, code) as the session counts them, and latencies in seconds by path."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    latencies: list[tuple[str, float]] = field(default_factory=list)


class Traffic:
    """Counts requests until they are taken. Safe to use from several threads.

    It outlives the session, so that the requests of one whose key was refused are counted too.
    """

    def __init__(self) -> None:
        self._taken = RequestCounts()
        self._lock = threading.Lock()

    def note(self, path: str, code: int, seconds: float) -> None:
        """Count one request. `code` is 0 for a success and -1 where no answer could be read."""
        with self._lock:
            self._taken.requests[path, code] += 1
            if len(self._taken.latencies) < MOST_LATENCIES:
                self._taken.latencies.append((path, seconds))

    def take(self) -> RequestCounts:
        """Return what was counted since the last time, and start again from zero."""
        with self._lock:
            taken, self._taken = self._taken, RequestCounts()
        return taken


class RollingHealth(ExchangeHealth):
    """Counts of requests and failures by the exchange's time, at most one pair for each step.

    Safe to use from several threads. Requests made before the exchange's time is known are dated
    with the next time that is.
    """

    def __init__(self) -> None:
        self._requests: Counter[int] = Counter()
        self._failures: Counter[int] = Counter()
        self._undated_requests = self._undated_failures = 0
        self._lock = threading.Lock()

    def note(self, time: int | None, *, failed: bool) -> None:
        """Count one request at `time` (milliseconds UTC, None: not known yet)."""
        with self._lock:
            self._undated_requests += 1
            self._undated_failures += failed
            if time is not None:
                self._date(time)

    def recent(self, now: int) -> Health:
        with self._lock:
            self._date(now)
            since = now - SPAN - STEP
            return Health(
                requests=sum(count for step, count in self._requests.items() if step > since),
                failures=sum(count for step, count in self._failures.items() if step > since),
            )

    def _date(self, time: int) -> None:
        """Give the time to what has none yet, and forget what is too old."""
        step = time - time % STEP
        if self._undated_requests:
            self._requests[step] += self._undated_requests
            self._failures[step] += self._undated_failures
            self._undated_requests = self._undated_failures = 0
        newest = max(self._requests, default=step)
        for counts in (self._requests, self._failures):
            for old in [step for step in counts if step <= newest - SPAN - STEP]:
                del counts[old]
