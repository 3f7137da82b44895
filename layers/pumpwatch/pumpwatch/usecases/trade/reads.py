"""Independent reads of one round: side by side when there are threads, else one after another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

from pumpwatch.errors import PumpwatchError

Answer = TypeVar("Answer")


class Reads:
    """Start reads that do not depend on each other, so that together they cost one round trip.

    Without an executor they run at once in the caller's order: a simulated run stays repeatable.
    """

    def __init__(self, executor: Executor | None = None) -> None:
        self._executor = executor

    @property
    def side_by_side(self) -> bool:
        """Return whether a read that was started goes on beside what follows."""
        return self._executor is not None

    def start(self, call: Callable[[], Answer]) -> Future[Answer]:
        """Start the read; its `result()` gives the answer or raises what the read raised."""
        if self._executor is not None:
            return self._executor.submit(call)
        future: Future[Answer] = Future()
        try:
            future.set_result(call())
        except PumpwatchError as error:
            future.set_exception(error)
        return future
