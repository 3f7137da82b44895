"""Known pumps beside the candles, and how many signals belong to none of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pumpwatch.domain.candles import HOUR, MINUTE
from pumpwatch.errors import BadInput

from .engine import FoundSignal
from .tables import parse_time, read_csv

__all__ = ["Label", "false_share", "read_labels"]

HIT_BEFORE, HIT_AFTER = MINUTE, 5 * MINUTE
NEAR_BEFORE, NEAR_AFTER = HOUR, 6 * HOUR


@dataclass(frozen=True, slots=True)
class Label:
    """A known pump; `onset` in milliseconds UTC."""

    segment: int
    onset: int
    counted: bool


def read_labels(folder: Path) -> list[Label] | None:
    """Return the pumps of `events.csv`, None without the file. Raises `BadInput`."""
    path = folder / "events.csv"
    if not path.exists():
        return None
    labels = []
    rows = read_csv(path, ("segment", "onset", "counted"))
    for line, row in enumerate(rows, start=2):
        where = f"{path} line {line}"
        if not row["segment"].isdecimal() or row["counted"] not in ("0", "1"):
            raise BadInput(f"{where}: segment must be a number, counted 0 or 1")
        onset = parse_time(row["onset"], where)
        labels.append(Label(int(row["segment"]), onset, row["counted"] == "1"))
    return labels


def false_share(signals: Sequence[FoundSignal], labels: Sequence[Label]) -> float | None:
    """Return false alarms over false alarms and hits, among the alarms that gave a signal.

    A hit is an alarm in (onset - 60 s, onset + 300 s] of a counted pump. Alarms in [onset - 1 h,
    onset + 6 h] of any pump are neither. None when there is nothing to judge.
    """
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
