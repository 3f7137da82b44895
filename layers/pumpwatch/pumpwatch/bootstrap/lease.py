"""The lease that a function works under: one run at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass

from pumpwatch.domain.lease import Lease
from pumpwatch.errors import LeaseHeld, PumpwatchError
from pumpwatch.ports import Deadline, LeaseStore

logger = logging.getLogger(__name__)

PAUSE = 0.25
"""Seconds between two tries of a patient run."""


@dataclass(frozen=True)
class RunLease:
    """Takes a function's lease for a run, and gives it back.

    It lasts for what is left of the run, `longest_run` seconds at most, and `reserve` seconds more:
    a killed run is dead before its lease ends. `patience` is how many seconds a run waits for a
    lease that another run has.
    """

    store: LeaseStore
    name: str
    _: KW_ONLY
    reserve: float
    longest_run: float = float("inf")
    patience: float = 0.0
    wait: Callable[[float], None] = time.sleep

    @contextmanager
    def taken(
        self, owner: str, deadline: Deadline, *, patient: bool = True
    ) -> Iterator[Lease | None]:
        """Hold the lease for a block, which gets None while another run has it.

        A lease that cannot be given back expires by itself. Raises what the store raises.
        """
        lease = self._acquire(owner, deadline, self.patience if patient else 0.0)
        try:
            yield lease
        finally:
            if lease is not None:
                self._release(lease)

    def _acquire(self, owner: str, deadline: Deadline, patience: float) -> Lease | None:
        patience_ends = deadline.seconds_left() - patience
        for attempt in range(round(patience / PAUSE) + 1):
            if attempt:
                self.wait(PAUSE)
            seconds = min(max(deadline.seconds_left(), 0.0), self.longest_run) + self.reserve
            try:
                return self.store.acquire(self.name, owner=owner, seconds=seconds)
            except LeaseHeld:
                if deadline.seconds_left() - PAUSE < patience_ends:
                    break
        return None

    def _release(self, lease: Lease) -> None:
        try:
            self.store.release(lease)
        except PumpwatchError as error:
            logger.warning("lease was not released", extra={"reason": str(error)})
