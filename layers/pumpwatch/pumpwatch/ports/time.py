"""What time it is, and how much of it is left."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock", "Deadline"]


class Clock(Protocol):
    """The time that decisions are dated with: the exchange's own, as it stamps its answers."""

    def now(self) -> int:
        """Return the time, milliseconds UTC."""


class Deadline(Protocol):
    """How much of this invocation is left."""

    def seconds_left(self) -> float:
        """Return the seconds until the invocation is killed."""
