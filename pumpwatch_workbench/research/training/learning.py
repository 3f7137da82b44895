"""The stored scores of the rule `boosted`, made from a folder of labelled pumps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.burst_traits import BURST_TRAITS, CLOCK_TRAITS
from pumpwatch.domain.detection.learned import LearnedScore, Trees
from pumpwatch.domain.detection.model import Model
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS
from pumpwatch.domain.detection.traits import CANDLE_TRAITS
from pumpwatch.domain.market.candles import BoolArray, FloatArray
from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.recordings.tables import read_announcements
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, load_segments
from pumpwatch_workbench.research.training.table import (
    Examples,
    burst_examples,
    minute_examples,
)
from pumpwatch_workbench.research.training.validation import (
    DIVISIONS,
    Judge,
    best_threshold,
    chosen_thresholds,
    out_of_fold,
    taught,
    tried_thresholds,
    with_clock,
)

FOLDS = 5
RINGS = {5 * SECOND: (SECOND, (SECOND, 5 * SECOND)), 15 * SECOND: (3 * SECOND, (15 * SECOND,))}
"""By the step of a ring: how far apart the phases of its looks are, and its scan intervals."""


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """What a folder teaches: the looks at bursts by the ring's step, and the candidate minutes.

    `trades` are the traits of the minutes' trades, NaN where none is known.
    """

    judge: Judge
    bursts: dict[int, Examples]
    minutes: Examples
    trades: FloatArray
    fingerprints: tuple[str, ...]

    @property
    def minute_traits(self) -> dict[str, FloatArray]:
        """Return what the scores of minutes read, by their name."""
        both = np.concatenate([self.minutes.traits, self.trades], axis=1)
        return {"candles": self.minutes.traits, "trades": both}


def lessons_of(recorded: RecordedFolder) -> Lessons:
    """Return what the folder teaches. Raises `BadInput`."""
    events = recorded.pumps()
    if not recorded.has_trades:
        missing = recorded.folder / "trades.parquet"
        raise BadInput(f"{missing} is missing: without it no score of bursts can be trained")
    if not any(event.counted for event in events):
        raise BadInput(f"{recorded.folder / 'events.csv'} has no event with counted = 1: add one")
    announced = read_announcements(recorded.folder)
    segments = sorted(load_segments(recorded), key=lambda segment: segment.number)
    recorded.check_length(WARM_UP // MINUTE)
    bursts = {
        step: burst_examples(segments, events, announced, step, every)
        for step, (every, _) in RINGS.items()
    }
    minutes, trades = minute_examples(segments, events, announced, untrained())
    fingerprints = tuple(sorted(set(recorded.fingerprints)))
    return Lessons(Judge(segments, events), bursts, minutes, trades, fingerprints)


def untrained() -> Boosted:
    """Return the rule without scores: it tells candidates, whatever model is stored."""
    zeros = np.zeros(0)
    trees = Trees.from_json({"sizes": [], "feature": [], "number": [], "right": []})
    nothing = LearnedScore((), 0.0, 0.0, zeros, zeros, zeros, zeros, trees)
    return Boosted(scores=Model({}, nothing, nothing, frozenset()))


def learned_model(lessons: Lessons) -> dict[str, Any]:
    """Return the whole model as plain JSON, each score with thresholds that its folds chose."""
    names = {"candles": CANDLE_TRAITS, "trades": CANDLE_TRAITS + TRADE_TRAITS}
    return {
        "trained_on": list(lessons.fingerprints),
        "bursts": {
            str(step // SECOND): _burst_scores(lessons.judge, examples, RINGS[step][1])
            for step, examples in lessons.bursts.items()
        },
        **{
            name: _minute_score(lessons.judge, lessons.minutes, traits, names[name])
            for name, traits in lessons.minute_traits.items()
        },
    }


def minute_threshold(
    judge: Judge, minutes: Examples, traits: FloatArray, inside: BoolArray, seed: int
) -> float:
    """Return the threshold of a score of minutes that folds of the symbols in `inside` choose."""
    counts = inside & ~minutes.spill
    chosen = []
    for division in range(DIVISIONS):
        scores = out_of_fold(minutes, traits, inside, FOLDS, 10 * seed + division)
        tried = tried_thresholds(scores[counts])
        chosen.append(best_threshold(judge, minutes, _above(scores, counts), tried))
    return float(np.median(chosen))


def _above(scores: FloatArray, counts: BoolArray) -> Callable[[float], BoolArray]:
    return lambda at: counts & (scores > at)


def _burst_scores(judge: Judge, examples: Examples, intervals: tuple[int, ...]) -> dict[str, Any]:
    everyone = np.ones(len(examples.time), dtype=np.bool_)
    least = chosen_thresholds(judge, examples, everyone, intervals, FOLDS, 0)
    timed = with_clock(examples)
    return {
        "thresholds": {str(interval // SECOND): pair for interval, pair in least.items()},
        "blind": taught(examples, examples.traits, everyone, names=BURST_TRAITS),
        "clock": taught(examples, timed, everyone, names=BURST_TRAITS + CLOCK_TRAITS),
    }


def _minute_score(
    judge: Judge, minutes: Examples, traits: FloatArray, names: tuple[str, ...]
) -> dict[str, Any]:
    everyone = np.ones(len(minutes.time), dtype=np.bool_)
    least = minute_threshold(judge, minutes, traits, everyone, 0)
    return taught(minutes, traits, everyone, names=names, threshold=least)
