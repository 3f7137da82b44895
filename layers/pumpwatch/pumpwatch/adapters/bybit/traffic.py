"""What was asked of the exchange, what came of it and how long it took: for the metrics."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass, field

MOST_LATENCIES = 5_000
"""Kept between two runs; a backfill that nobody reports must not grow without bound."""


@dataclass(slots=True)
class Taken:
    """Requests by (path, code) as the session counts them, and latencies in seconds by path."""

    requests: Counter[tuple[str, int]] = field(default_factory=Counter)
    latencies: list[tuple[str, float]] = field(default_factory=list)


class Traffic:
    """Counts requests until they are taken. Safe to use from several threads.

    It outlives the session, so that the requests of one whose key was refused are counted too.
    """

    def __init__(self) -> None:
        self._taken = Taken()
        self._lock = threading.Lock()

    def note(self, path: str, code: int, seconds: float) -> None:
        """Count one request. `code` is 0 for a success and -1 where no answer could be read."""
        with self._lock:
            self._taken.requests[path, code] += 1
            if len(self._taken.latencies) < MOST_LATENCIES:
                self._taken.latencies.append((path, seconds))

    def take(self) -> Taken:
        """Return what was counted since the last time, and begin anew."""
        with self._lock:
            taken, self._taken = self._taken, Taken()
        return taken
