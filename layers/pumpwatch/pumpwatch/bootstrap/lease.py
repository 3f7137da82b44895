"""The lease that a function works under: one run at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pumpwatch.domain.lease import Lease
from pumpwatch.errors import LeaseHeld, PumpwatchError
from pumpwatch.ports import Deadline, LeaseStore

logger = logging.getLogger(__name__)

PAUSE = 0.25
"""Seconds between two tries of a patient run."""


class RunLease:
    """Takes a function's lease for a run, and gives it back.

    It lasts for what is left of the run, `longest_run` seconds at most, and `reserve` seconds more:
    a killed run is dead before its lease ends. `patience` is how many seconds a run waits for a
    lease that another run has.
    """

    def __init__(
        self,
        store: LeaseStore,
        name: str,
        *,
        reserve: float,
        longest_run: float = float("inf"),
        patience: float = 0.0,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._name = name
        self._reserve = reserve
        self._longest_run = longest_run
        self._patience = patience
        self._wait = wait

    @contextmanager
    def taken(self, owner: str, deadline: Deadline) -> Iterator[Lease | None]:
        """Hold the lease for a block, which gets None while another run has it.

        A lease that cannot be given back expires by itself. Raises what the store raises.
        """
        lease = self._acquire(owner, deadline)
        try:
            yield lease
        finally:
            if lease is not None:
                self._release(lease)

    def _acquire(self, owner: str, deadline: Deadline) -> Lease | None:
        patience_ends = deadline.seconds_left() - self._patience
        for attempt in range(round(self._patience / PAUSE) + 1):
            if attempt:
                self._wait(PAUSE)
            seconds = min(max(deadline.seconds_left(), 0.0), self._longest_run) + self._reserve
            try:
                return self._store.acquire(self._name, owner=owner, seconds=seconds)
            except LeaseHeld:
                if deadline.seconds_left() - PAUSE < patience_ends:
                    break
        return None

    def _release(self, lease: Lease) -> None:
        try:
            self._store.release(lease)
        except PumpwatchError as error:
            logger.warning("lease was not released", extra={"reason": str(error)})
