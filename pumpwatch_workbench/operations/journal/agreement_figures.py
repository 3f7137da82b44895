"""What detection and known pumps have in common, in figures."""

from __future__ import annotations

from dataclasses import dataclass

from pumpwatch_workbench.operations.journal.spread import Spread
from pumpwatch_workbench.research.evaluation.shares import wilson_interval


@dataclass(frozen=True, slots=True)
class Agreement:
    """Labelled pumps of the period against the alarms of the journal."""

    pumps: int
    """Counted ones within the period."""
    hits: int
    early: int
    missed: int
    others: int
    """Alarms near no labelled pump, of any symbol: false ones only if the labels are complete."""
    outside: int
    """Counted pumps before or after the period: not judged."""
    delay_seconds: Spread | None
    """From the onset to the alarm, of the hits."""

    @property
    def recall(self) -> float | None:
        """Return the share of the pumps that were hit; None without pumps."""
        return self.hits / self.pumps if self.pumps else None

    @property
    def recall_interval(self) -> tuple[float, float] | None:
        """Return its 95 % interval by Wilson's method."""
        return wilson_interval(self.hits, self.pumps)

    @property
    def precision(self) -> float | None:
        """Return hits over hits and alarms near no labelled pump; None without either.

        It is a lower bound unless the labels name every pump.
        """
        alarms = self.hits + self.others
        return self.hits / alarms if alarms else None

    @property
    def precision_interval(self) -> tuple[float, float] | None:
        """Return its 95 % interval by Wilson's method."""
        return wilson_interval(self.hits, self.hits + self.others)
