"""Deadlines by this machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol


class LambdaContext(Protocol):
    """What is needed of the Lambda context."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation is killed."""


class LambdaDeadline:
    """The end of a Lambda invocation (Deadline port)."""

    def __init__(self, context: LambdaContext) -> None:
        self._context = context

    def seconds_left(self) -> float:
        """Return the seconds until the invocation is killed."""
        return self._context.get_remaining_time_in_millis() / 1000


class TimerDeadline:
    """A deadline `seconds` from now (Deadline port)."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def seconds_left(self) -> float:
        """Return the seconds until the deadline; negative once it has passed."""
        return self._end - self._monotonic()


class NoDeadline:
    """No deadline at all (Deadline port)."""

    def seconds_left(self) -> float:
        """Return infinity."""
        return float("inf")
