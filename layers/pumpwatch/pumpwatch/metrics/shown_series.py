"""Series that stay in the pushes until they were shown for their time, whichever instance pushes.

A run that was woken between two ticks of the schedule would otherwise take away, after a few
seconds, what the run before it had to say.
"""

from __future__ import annotations

import json
import logging

from pumpwatch.errors import PumpwatchError
from pumpwatch.metrics.catalogue import HOLD_SECONDS
from pumpwatch.metrics.numbers import RunNumbers

logger = logging.getLogger(__name__)

GIVEN_UP_AFTER = 300.0
"""Seconds after which a series that no gateway accepted is old news."""


class ShownSeries:
    """The series shown, since when, and when a gateway first accepted each. Unix seconds."""

    def __init__(self, job: str, text: str) -> None:
        """Read what `text` gave; what is not declared any more is left out."""
        self._prefix, kept = f"{job}_", RunNumbers(job)
        self._times: dict[str, tuple[float, float | None]] = {}
        try:
            for name, labels, value, since, shown in json.loads(text or "[]"):
                key = kept.set(name, value, **labels)
                self._times[key] = float(since), None if shown is None else float(shown)
        except (PumpwatchError, ValueError, TypeError) as error:
            logger.warning("shown series were not read", extra={"reason": str(error)})
        known = kept.open_series.items()
        self._series = {key: series for key, series in known if key in self._times}

    def carry_over(self, numbers: RunNumbers, now: float) -> None:
        """Add to a run's numbers what must still be shown; all of these are shown from now on."""
        for key, series in self._series.items():
            since, shown = self._times[key]
            is_held = shown is None or now - shown < HOLD_SECONDS
            if is_held and now - since < GIVEN_UP_AFTER:
                numbers.open_series.setdefault(key, series)
        self._series = numbers.open_series
        self._times = {key: self._times.get(key, (now, None)) for key in self._series}

    def accepted(self, now: float) -> None:
        """Note that a gateway took all of it."""
        for key, (since, shown) in self._times.items():
            self._times[key] = since, now if shown is None else shown

    def text(self) -> str:
        """Return it as JSON; empty when nothing is shown."""
        rows = [
            (
                series.metric.name.removeprefix(self._prefix),
                series.labels,
                series.value,
                *self._times[key],
            )
            for key, series in sorted(self._series.items())
        ]
        return json.dumps(rows, separators=(",", ":")) if rows else ""
