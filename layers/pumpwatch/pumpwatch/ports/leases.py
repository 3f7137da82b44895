"""The right to act alone, and what is counted under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

__all__ = ["Lease", "LeaseStore", "TotalsStore"]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to act alone. `token` grows with every new lease (fencing)."""

    name: str
    owner: str
    token: int


class LeaseStore(Protocol):
    """One writer at a time."""

    def acquire(self, name: str, *, owner: str, seconds: float) -> Lease:
        """Take the lease if it is free or ran out. Raises `LeaseHeld`."""

    def release(self, lease: Lease) -> None:
        """Give the lease back; a lease that was lost meanwhile is left alone."""


class TotalsStore(Protocol):
    """Durable totals behind the true counters: one item per function."""

    def add(
        self, function: str, run_id: str, increments: Mapping[str, int | float]
    ) -> Mapping[str, Decimal]:
        """Add a run's increments once (a repeat of `run_id` changes nothing) and return the totals.

        A key is the metric's name with its label values, as `metrics.total_key` writes it.
        """

    def kept(self, function: str) -> str:
        """Return the text that `keep` stored, as the last `add` of the function saw it."""

    def keep(self, function: str, text: str) -> None:
        """Store a text for the function's next run, whichever instance makes it."""
