"""Put recorded events on one market clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.simulator.market.day_window import HOUR_MS, MINUTES_PER_HOUR
from pumpwatch_workbench.simulator.market.source import MINUTE_MS

BEFORE_ONSET_MS = 10 * MINUTE_MS
AFTER_ONSET_MS = 60 * MINUTE_MS
HISTORY_MS = 25 * HOUR_MS
_SPARE_HISTORY_MS = 2 * HOUR_MS


@dataclass(frozen=True, slots=True)
class ScheduledEvent:
    """A recorded event's place on the market clock; all times in milliseconds UTC."""

    segment: int
    coin: str
    recorded_onset: int
    shift: int
    """Market time less recorded time, whole hours."""

    @property
    def onset(self) -> int:
        """Return the onset in market time."""
        return self.recorded_onset + self.shift

    @property
    def live_start(self) -> int:
        """Return the full minute 10 minutes (or a little more) before the onset, market time."""
        return (self.onset - BEFORE_ONSET_MS) // MINUTE_MS * MINUTE_MS

    @property
    def live_end(self) -> int:
        """Return the full minute 60 minutes (or a little more) after the onset, market time."""
        return -(-(self.onset + AFTER_ONSET_MS) // MINUTE_MS) * MINUTE_MS


def schedule(events: Sequence[LabelledPump], begin: int, per_hour: int) -> list[ScheduledEvent]:
    """Return the counted events staggered by whole hours, `per_hour` of them in each.

    Every onset keeps its minute and second; the first ones come in the hour after `begin` (a full
    hour, milliseconds UTC).
    """
    scheduled = []
    for number, event in enumerate(event for event in events if event.counted):
        hour = begin + (1 + number // per_hour) * HOUR_MS
        shift = hour - event.onset // HOUR_MS * HOUR_MS
        scheduled.append(ScheduledEvent(event.segment, event.symbol, event.onset, shift))
    return scheduled


@dataclass(frozen=True, slots=True)
class Grid:
    """The minutes that all contracts of a replay share, numbered from 1970."""

    first: int
    minutes: int


def grid_for(events: Sequence[ScheduledEvent]) -> Grid:
    """Return whole hours from 27 hours before the first live window to an idle one at the end."""
    first = min(event.live_start for event in events) - HISTORY_MS - _SPARE_HISTORY_MS
    first_hour = first // HOUR_MS
    last_hour = max(event.live_end for event in events) // HOUR_MS + 1
    hours = last_hour + 1 - first_hour
    return Grid(first_hour * MINUTES_PER_HOUR, hours * MINUTES_PER_HOUR)
