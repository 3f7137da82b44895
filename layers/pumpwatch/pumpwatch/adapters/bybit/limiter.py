"""One token bucket for everything that goes to the exchange from this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pumpwatch.errors import DeadlineNear
from pumpwatch.ports import Deadline

__all__ = ["RateLimiter"]

WINDOW_SECONDS = 5
WINDOW_REQUESTS = 600
"""Bybit bans an address for ten minutes that sends more than this in any such window."""

SPARE_SECONDS = 0.2


class RateLimiter:
    """Hand out turns at `per_second`; the burst keeps every 5-second window below the ban."""

    def __init__(
        self,
        per_second: float,
        *,
        wait: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = per_second
        self._burst = max(1.0, min(per_second, WINDOW_REQUESTS - WINDOW_SECONDS * per_second))
        self._tokens = self._burst
        self._wait = wait
        self._monotonic = monotonic
        self._updated = monotonic()
        self._lock = threading.Lock()

    def take(self, deadline: Deadline) -> None:
        """Wait for a turn. Raises `DeadlineNear`, taking none, when it would come too late."""
        with self._lock:
            now = self._monotonic()
            refill = self._tokens + (now - self._updated) * self._rate
            self._tokens, self._updated = min(self._burst, refill), now
            pause = max(0.0, (1.0 - self._tokens) / self._rate)
            if deadline.seconds_left() < pause + SPARE_SECONDS:
                raise DeadlineNear("too little time is left for another request to the exchange")
            self._tokens -= 1.0
        if pause:
            self._wait(pause)
