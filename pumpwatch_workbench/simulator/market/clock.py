"""The market's clock: it follows the wall at a given speed, or it is stepped by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

STEPPED_START = 1_793_577_600_000
"""2026-11-02T00:00:00Z: where a market begins that is not tied to the wall clock."""


def wall_milliseconds() -> int:
    """Return the wall time, milliseconds UTC."""
    return time.time_ns() // 1_000_000


class MarketClock:
    """Tells market time in milliseconds UTC. Safe to use from several threads.

    With `stepped=False` market time is `start + (wall - wall at creation) * speed`; without a
    `start` it begins at the wall's time, so at speed 1 both are equal. With `stepped=True` it
    stands still at `start` until `advance_to` or `advance_by` moves it. Raises ValueError when
    `speed` is not positive, or when a stepped clock has no start.
    """

    def __init__(
        self,
        *,
        start: int | None = None,
        speed: float = 1.0,
        stepped: bool = False,
        wall: Callable[[], int] = wall_milliseconds,
    ) -> None:
        if not speed > 0 or speed == float("inf"):
            raise ValueError(f"the market clock's speed must be positive and finite, not {speed}")
        if stepped and start is None:
            raise ValueError("a stepped market clock needs a start")
        self._wall = wall
        self._wall_start = wall()
        self._start = self._wall_start if start is None else start
        self._speed = speed
        self.stepped = stepped
        self._latest = self._start
        self._lock = threading.Lock()

    def now(self) -> int:
        """Return market time, milliseconds UTC; it never goes back, even if the wall's does."""
        with self._lock:
            if not self.stepped:
                elapsed = self._wall() - self._wall_start
                self._latest = max(self._latest, self._start + int(elapsed * self._speed))
            return self._latest

    def advance_to(self, milliseconds: int) -> int:
        """Move a stepped clock forward to `milliseconds` and return the new time.

        Raises ValueError when that would go back, RuntimeError when the clock follows the wall.
        """
        with self._lock:
            return self._move(milliseconds)

    def advance_by(self, milliseconds: int) -> int:
        """Move a stepped clock forward by `milliseconds` and return the new time."""
        with self._lock:
            return self._move(self._latest + milliseconds)

    def _move(self, to: int) -> int:
        if not self.stepped:
            raise RuntimeError("this market clock follows the wall and cannot be stepped")
        if to < self._latest:
            raise ValueError(f"the market clock cannot go back from {self._latest} to {to}")
        self._latest = to
        return to
