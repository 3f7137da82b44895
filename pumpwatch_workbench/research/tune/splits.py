"""Cut time into a hold-out that the search never sees, and windows to walk forward over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.moments import HOUR
from pumpwatch.errors import BadInput
from pumpwatch_workbench.pages.words import moment
from pumpwatch_workbench.recordings.tables import SegmentRow

DAY = 24 * HOUR
MOST_FOLDS = 12


@dataclass(frozen=True, slots=True)
class DateRange:
    """The time from `begin` to `end`, milliseconds UTC, end excluded."""

    begin: int
    end: int

    def __str__(self) -> str:
        return f"{moment(self.begin)[:10]} to {moment(self.end)[:10]}"


@dataclass(frozen=True, slots=True)
class Fold:
    """Settings are searched on `train` and judged on `test`, which comes after it."""

    name: str
    train: DateRange
    test: DateRange


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """Every fold of a search; the last one is tested on the hold-out."""

    folds: tuple[Fold, ...]

    @property
    def final(self) -> Fold:
        """Return the fold whose test is the hold-out."""
        return self.folds[-1]


def split(segments: Sequence[SegmentRow], *, folds: int, holdout: float) -> WalkPlan:
    """Return `folds` steps of a walk forward, then the final search before the hold-out.

    The hold-out is the last share `holdout` of all recorded symbol-time; what is before it is cut
    into `folds` + 1 windows of equal symbol-time. Step k searches on the first k windows and tests
    on the next one. Cuts are at UTC midnights. Raises `BadInput` when there is too little time.
    """
    if not 0 < holdout < 1:
        raise BadInput(f"--holdout is {holdout:g}: give a share between 0 and 1, such as 0.25")
    if not 0 <= folds <= MOST_FOLDS:
        raise BadInput(f"--folds is {folds}: give a number from 0 to {MOST_FOLDS}")
    first = min(segment.start for segment in segments) // DAY
    last = -(-max(segment.end for segment in segments) // DAY)
    weight = np.zeros(last - first)
    for segment in segments:
        days = np.arange(segment.start // DAY, -(-segment.end // DAY))
        overlap = np.minimum(segment.end, (days + 1) * DAY) - np.maximum(segment.start, days * DAY)
        weight[days - first] += overlap
    share = np.cumsum(weight) / weight.sum()
    wanted = [(1 - holdout) * k / (folds + 1) for k in range(1, folds + 2)]
    cuts = [
        int(first + 1 + np.searchsorted(share, other_share - 1e-9)) * DAY for other_share in wanted
    ]
    bounds = [first * DAY, *cuts, last * DAY]
    if len(set(bounds)) < len(bounds) or bounds != sorted(bounds):
        raise BadInput(
            f"{last - first} days are too few for {folds} folds and a hold-out of {holdout:.0%}: "
            "take fewer folds or record more"
        )
    steps = [
        Fold(f"fold {k}", DateRange(bounds[0], bounds[k]), DateRange(bounds[k], bounds[k + 1]))
        for k in range(1, folds + 1)
    ]
    final = Fold("final", DateRange(bounds[0], bounds[-2]), DateRange(bounds[-2], bounds[-1]))
    return WalkPlan((*steps, final))
