"""Deadlines by this machine's clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from pumpwatch.ports import Deadline


class LambdaContext(Protocol):
    """The part of the Lambda context that is used."""

    @property
    def aws_request_id(self) -> str:
        """Return the invocation's id."""

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the invocation is killed."""


class LambdaDeadline(Deadline):
    """The end of a Lambda invocation."""

    def __init__(self, context: LambdaContext) -> None:
        self._context = context

    def seconds_left(self) -> float:
        return self._context.get_remaining_time_in_millis() / 1000


class TimerDeadline(Deadline):
    """A deadline `seconds` from now."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._end = monotonic() + seconds

    def seconds_left(self) -> float:
        return self._end - self._monotonic()


class NoDeadline(Deadline):
    """No deadline at all."""

    def seconds_left(self) -> float:
        return float("inf")
