"""What woke a run."""

from __future__ import annotations

from typing import Protocol


class Tick(Protocol):
    """What woke the run."""

    @property
    def scheduled_time(self) -> int:
        """Return when it was due, milliseconds UTC."""

    @property
    def execution_id(self) -> str:
        """Return the run's id; it owns the lease."""
