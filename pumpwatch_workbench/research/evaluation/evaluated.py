"""A rule with everything that is shown of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pumpwatch.domain.detection.base import Detector
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.evaluation.rules import varied
from pumpwatch_workbench.research.evaluation.scores import Score, hit_after, raise_alarms, score


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """A rule, every alarm it raised by segment number, what they are worth, and its curve.

    `curve` holds the value of the rule's knob and the score with it.
    """

    detector: Detector
    alarms: Mapping[int, Sequence[int]]
    score: Score
    curve: tuple[tuple[float, Score], ...]


def evaluate_rule(
    detector: Detector, segments: Sequence[Segment], events: Sequence[LabelledPump]
) -> Evaluated:
    """Score the rule as it is, and with other values of the setting that makes it stricter."""
    alarms = raise_alarms(detector, segments)
    allowed = hit_after(detector)
    curve = tuple(
        (value, score(segments, events, others, hit_after=allowed))
        for value, others in varied(detector, segments)
    )
    return Evaluated(detector, alarms, score(segments, events, alarms, hit_after=allowed), curve)
