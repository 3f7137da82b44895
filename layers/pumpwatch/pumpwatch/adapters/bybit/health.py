"""How well the exchange has answered in the last ten minutes (ExchangeHealth port)."""

from __future__ import annotations

import threading
from collections import Counter

from pumpwatch.domain.market.health import Health

SPAN = 600_000
"""How far back is looked, milliseconds."""
STEP = 10_000
"""Requests are counted by steps of this many milliseconds."""


class RollingHealth:
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
        """Return requests and failures of the last ten minutes; `now` in milliseconds UTC."""
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
            for old in [one for one in counts if one <= newest - SPAN - STEP]:
                del counts[old]
