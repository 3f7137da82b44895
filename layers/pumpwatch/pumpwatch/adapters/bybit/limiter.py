"""Rate limits for all requests from this process to the exchange.

Bybit counts twice: requests of an address in any five seconds, over all endpoints, and requests of
an account in any second, for each endpoint apart. Exceeding the first bans the address.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from pumpwatch.errors import DeadlineNear
from pumpwatch.ports import Deadline

from .endpoints import Endpoint

WINDOW_SECONDS = 5
WINDOW_REQUESTS = 600
"""Bybit bans an address for ten minutes that sends more than this in any such window."""

ENDPOINT_SECONDS = 1.0
ENDPOINT_SHARE = 0.8
"""The part of an endpoint's limit that is used: requests bunch up on their way."""

SPARE_SECONDS = 0.2


class AddressBudget(Protocol):
    """A budget that this process shares with others which use the same address."""

    def take(self, deadline: Deadline) -> None:
        """Wait for a turn. Raises `DeadlineNear`, and `ExchangeForbidden` during a ban."""

    def note_ban(self) -> None:
        """Tell the others that the exchange has just banned the address."""


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
            require_time(deadline, pause)
            self._tokens -= 1.0
        if pause:
            self._wait(pause)


class WindowLimiter:
    """Hand out at most `most` turns in any `seconds`."""

    def __init__(
        self,
        most: int,
        seconds: float,
        *,
        wait: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._turns: deque[float] = deque([float("-inf")] * most, maxlen=most)
        self._wait = wait
        self._monotonic = monotonic
        self._lock = threading.Lock()

    def take(self, deadline: Deadline) -> None:
        """Wait for a turn. Raises `DeadlineNear`, taking none, when it would come too late."""
        with self._lock:
            now = self._monotonic()
            turn = max(now, self._turns[0] + self._seconds)
            pause = turn - now
            require_time(deadline, pause)
            self._turns.append(turn)
        if pause:
            self._wait(pause)


class Budgets:
    """The address's budget and, beside it, the one of each endpoint that has a limit of its own.

    `shared` is a budget for several processes, asked beside this one's own. Safe to use from
    several threads. The endpoint's turn comes last, so that its window holds exactly; what waits
    for it is then sent a little later than the address's budget counted it, which at most one
    request of each thread can do.
    """

    def __init__(
        self,
        per_second: float,
        *,
        shared: AddressBudget | None = None,
        wait: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._shared = shared
        self._wait, self._monotonic = wait, monotonic
        self._address = RateLimiter(per_second, wait=wait, monotonic=monotonic)
        self._endpoints: dict[str, WindowLimiter] = {}
        self._lock = threading.Lock()

    def take(self, endpoint: Endpoint, deadline: Deadline) -> None:
        """Wait until the endpoint may be called. Raises what `AddressBudget.take` does."""
        self._address.take(deadline)
        if self._shared is not None:
            self._shared.take(deadline)
        if endpoint.per_second:
            self._window(endpoint).take(deadline)

    def _window(self, endpoint: Endpoint) -> WindowLimiter:
        with self._lock:
            if endpoint.path not in self._endpoints:
                self._endpoints[endpoint.path] = WindowLimiter(
                    max(1, int(endpoint.per_second * ENDPOINT_SHARE)),
                    ENDPOINT_SECONDS,
                    wait=self._wait,
                    monotonic=self._monotonic,
                )
            return self._endpoints[endpoint.path]


def require_time(deadline: Deadline, pause: float) -> None:
    """Raise `DeadlineNear` when a turn after this pause would come too late."""
    if deadline.seconds_left() < pause + SPARE_SECONDS:
        raise DeadlineNear("too little time is left for another request to the exchange")
