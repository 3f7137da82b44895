"""Series that stay in the pushes until they were shown for their time, whichever instance pushes.

A run that was woken between two ticks of the schedule would otherwise take away, after a few
seconds, what the run before it had to say. The text that is kept between two runs is JSON.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pumpwatch.errors import PumpwatchError
from pumpwatch.run_numbers import RunNumbers, Series

__all__ = ["ShownSeries", "carry_over", "read_shown", "shown_now", "write_shown"]

logger = logging.getLogger(__name__)

GIVEN_UP_AFTER = 300.0
"""Seconds after which a series that no gateway accepted is old news."""


@dataclass(frozen=True, slots=True)
class ShownSeries:
    """A series of an open gauge, and since when it is in the pushes. Times are Unix seconds."""

    series: Series
    since: float
    shown: float | None = None
    """When a gateway first accepted it, None before that."""

    def is_due(self, now: float) -> bool:
        """Return whether it must still be shown."""
        if now - self.since >= GIVEN_UP_AFTER:
            return False
        return self.shown is None or now - self.shown < self.series.metric.hold_seconds


Kept = Mapping[str, ShownSeries]
"""By the key that `total_key` gives."""


def carry_over(kept: Kept, numbers: RunNumbers, now: float) -> Kept:
    """Add to a run's numbers what must still be shown; return all that is shown now."""
    for key, one in kept.items():
        if one.is_due(now):
            numbers.open_series.setdefault(key, one.series)
    return {
        key: replace(kept[key], series=series) if key in kept else ShownSeries(series, now)
        for key, series in numbers.open_series.items()
    }


def shown_now(kept: Kept, now: float) -> Kept:
    """Return them as a gateway accepted them."""
    return {
        key: one if one.shown is not None else replace(one, shown=now) for key, one in kept.items()
    }


def read_shown(job: str, text: str) -> Kept:
    """Return what the text keeps; a series that is not declared any more is left out."""
    numbers, times = RunNumbers(job), {}
    try:
        for name, labels, value, since, shown in json.loads(text or "[]"):
            key = numbers.set(name, value, **labels)
            times[key] = float(since), None if shown is None else float(shown)
    except (PumpwatchError, ValueError, TypeError) as error:
        logger.warning("shown series were not read", extra={"reason": str(error)})
    return {key: ShownSeries(one, *times[key]) for key, one in numbers.open_series.items()}


def write_shown(job: str, kept: Kept) -> str:
    """Return the text that keeps them."""
    rows = [
        (one.series.metric.name.removeprefix(f"{job}_"), one.series.labels, one.series.value,
         one.since, one.shown)
        for _, one in sorted(kept.items())
    ]  # fmt: skip
    return json.dumps(rows, separators=(",", ":")) if rows else ""
