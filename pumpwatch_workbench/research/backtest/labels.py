"""How many signals belong to no known pump."""

from __future__ import annotations

from collections.abc import Sequence

from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch_workbench.recordings import LabelledPump

from .engine import FoundSignal

HIT_BEFORE, HIT_AFTER = MINUTE, 5 * MINUTE
NEAR_BEFORE, NEAR_AFTER = HOUR, 6 * HOUR


def false_share(signals: Sequence[FoundSignal], labels: Sequence[LabelledPump]) -> float | None:
    """Return false alarms over false alarms and hits, among the alarms that gave a signal.

    A hit is an alarm in (onset - 60 s, onset + 300 s] of a counted pump. Alarms in [onset - 1 h,
    onset + 6 h] of any pump are neither. None when there is nothing to judge, or to judge by.
    """
    if not any(label.counted for label in labels):
        return None
    hits = false = 0
    for segment, alarm in sorted({(one.segment, one.alarm_time) for one in signals}):
        known = [label for label in labels if label.segment == segment]
        if any(
            label.counted and label.onset - HIT_BEFORE < alarm <= label.onset + HIT_AFTER
            for label in known
        ):
            hits += 1
        elif not any(
            label.onset - NEAR_BEFORE <= alarm <= label.onset + NEAR_AFTER for label in known
        ):
            false += 1
    return false / (hits + false) if hits + false else None
