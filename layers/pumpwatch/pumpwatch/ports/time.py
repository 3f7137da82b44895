"""What time it is, and how much of it is left."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock", "Deadline"]


class Clock(Protocol):
    """The time that decisions are dated with: the exchange's own, as it stamps its answers."""

    def now(self) -> int:
        """Return the time, milliseconds UTC."""

    def earliest(self) -> int:
        """Return the earliest time that it may be, milliseconds UTC: `now` unless in doubt.

        A position is closed by its time limit only when every time that it may be is past it.
        """

    def doubt(self) -> str:
        """Return why the time is not sure, as a sentence; empty when it is.

        While it is not sure the time that was sure before goes on: nothing new is opened, and
        nothing is stored because of another time.
        """


class Deadline(Protocol):
    """How much of this invocation is left."""

    def seconds_left(self) -> float:
        """Return the seconds until the invocation is killed."""
