"""Rate limits of an address and a user."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings

SECOND_MS = 1_000


@dataclass(frozen=True, slots=True)
class UserLimit:
    """The state of one endpoint's limit after a call."""

    allowed: bool
    limit: int
    remaining: int
    wait_ms: int
    """Time until the oldest call leaves the window; 0 unless the limit is exceeded."""


@dataclass(slots=True)
class _Address:
    calls: deque[int] = field(default_factory=deque)
    banned_until: int = 0


class RateLimits:
    """Count calls in rolling windows.

    The caller passes the time. With a wall clock it is the wall's, as on the real exchange. With a
    stepped market clock it is the market's: hundreds of requests per wall second are normal in a
    lock-step run, where each stands for its own instant of market time.
    """

    def __init__(self, settings: ExchangeSettings) -> None:
        self.settings = settings
        self._addresses: dict[str, _Address] = {}
        self._users: dict[tuple[str, str], deque[int]] = {}

    def address_allowed(self, address: str, now: int) -> bool:
        """Count a call from an address; False means HTTP 403, and a ban once over the limit."""
        settings = self.settings
        if not settings.rate_limits:
            return True
        state = self._addresses.setdefault(address, _Address())
        if now < state.banned_until:
            return False
        _forget(state.calls, now - settings.ip_window_ms)
        if len(state.calls) >= settings.ip_requests:
            state.banned_until = now + settings.ban_ms
            state.calls.clear()
            return False
        state.calls.append(now)
        return True

    def user_call(self, user: str, endpoint: str, limit: int, now: int) -> UserLimit:
        """Count a user's call of an endpoint against its limit per rolling second."""
        if not self.settings.rate_limits:
            return UserLimit(True, limit, limit, 0)
        calls = self._users.setdefault((user, endpoint), deque())
        _forget(calls, now - SECOND_MS)
        if len(calls) >= limit:
            return UserLimit(False, limit, 0, max(calls[0] + SECOND_MS - now, 1))
        calls.append(now)
        return UserLimit(True, limit, limit - len(calls), 0)


def _forget(calls: deque[int], before: int) -> None:
    while calls and calls[0] <= before:
        calls.popleft()
