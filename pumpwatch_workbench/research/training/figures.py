"""The figures of a validation: each part of the model in nested folds, division by division."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.market.candles import BoolArray
from pumpwatch.domain.moments import SECOND
from pumpwatch_workbench.research.evaluation.scores import Score
from pumpwatch_workbench.research.training.fit import score_of, symbol_folds
from pumpwatch_workbench.research.training.learning import RINGS, Lessons, minute_threshold
from pumpwatch_workbench.research.training.table import Examples
from pumpwatch_workbench.research.training.validation import OUTER, interval_of, nested, taught

Part = int | str
"""A part of the model: the step of a ring, milliseconds, or the name of a score of minutes."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A score in nested folds, and the 95 % interval of its F1 over symbols."""

    name: str
    score: Score
    interval: tuple[float, float]

    @property
    def sentence(self) -> str:
        """Return the figure as a line of text."""
        score, (low, high) = self.score, self.interval
        return (
            f"{self.name}: F1 {score.f1:.3f} ({low:.2f} to {high:.2f}), precision"
            f" {score.precision:.3f}, recall {score.recall:.3f} ({score.hits} of {score.events}),"
            f" {score.false_alarms} false, {score.false_alarms_per_symbol_day:.4f} a symbol-day,"
            f" median {score.median_delay:.0f} s, 90 % {score.delay_at(90):.0f} s"
        )

    def to_json(self) -> dict[str, object]:
        """Return the figure by name."""
        low, high = self.interval
        return {**self.score.to_json(), "f1_low": low, "f1_high": high}


def figures_of(lessons: Lessons, part: Part, seed: int) -> Iterator[Figure]:
    """Yield the figures of a part of the model in one division into folds."""
    if isinstance(part, str):
        alarm = _nested_minutes(lessons, part, seed)
        yield _figure(lessons, f"minutes, {part}, division {seed}", lessons.minutes, alarm)
        return
    examples, intervals = lessons.bursts[part], RINGS[part][1]
    alarms = nested(lessons.judge, examples, intervals, seed=seed)
    for interval in intervals:
        for clock, by_interval in alarms.items():
            name = f"scans each {interval // SECOND} s{clock}, division {seed}"
            yield _figure(lessons, name, examples, by_interval[interval])


def _figure(lessons: Lessons, name: str, examples: Examples, alarm: BoolArray) -> Figure:
    judge = lessons.judge
    return Figure(name, judge.score(examples, alarm), interval_of(judge, examples, alarm))


def _nested_minutes(lessons: Lessons, name: str, seed: int) -> BoolArray:
    """Return the alarms of a score of minutes whose model and threshold saw other symbols alone."""
    judge, minutes, traits = lessons.judge, lessons.minutes, lessons.minute_traits[name]
    symbols = np.array(minutes.symbol)
    alarm = np.zeros(len(symbols), dtype=np.bool_)
    for held_out in symbol_folds(judge.symbols, OUTER, seed):
        judged = np.isin(symbols, held_out)
        others = judge.of([symbol for symbol in judge.symbols if symbol not in held_out])
        least = minute_threshold(others, minutes, traits, ~judged, seed + 1)
        model = taught(minutes, traits, ~judged)
        alarm[judged] = score_of(model, traits[judged]) > least
    return alarm
