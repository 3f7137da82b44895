"""Thresholds and honest figures of a learned score: nested folds by symbol, and a split in time.

The threshold is always chosen on scores of models that did not see the symbol; in `nested` and
`later` also on symbols or events that are not the ones it is judged on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.market.candles import BoolArray, FloatArray
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.evaluation.scores import Score, score
from pumpwatch_workbench.research.training.fit import fit, out_of_fold, score_of, symbol_folds
from pumpwatch_workbench.research.training.table import TrainingTable

MOST_FALSE = 0.005
"""False alarms a symbol-day that a threshold may cost."""
OUTER, INNER = 5, 4
TRIED = 160


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Scores choices of candidates on markets, as `evaluate` scores alarms."""

    table: TrainingTable
    segments: Sequence[Segment]
    events: Sequence[LabelledPump]

    def of(self, symbols: Sequence[str]) -> Judge:
        """Return the judge of some symbols' markets."""
        return self.on([segment for segment in self.segments if segment.symbol in set(symbols)])

    def on(self, segments: Sequence[Segment]) -> Judge:
        """Return the judge of some markets."""
        numbers = {segment.number for segment in segments}
        known = [event for event in self.events if event.segment in numbers]
        return Judge(self.table, segments, known)

    def score(self, alarm: BoolArray) -> Score:
        """Return what the alarms, (candidates,), are worth together with the sure ones."""
        chosen = alarm | self.table.sure
        alarms = {
            segment.number: self.table.time[
                chosen & (self.table.segment == segment.number)
            ].tolist()
            for segment in self.segments
        }
        return score(self.segments, self.events, alarms)


def best_threshold(judge: Judge, scores: FloatArray) -> float:
    """Return the threshold with the best F1 among those with few enough false alarms.

    In the middle of equally good ones. Where none has few enough, the one with the fewest.
    """
    inside = np.isin(judge.table.segment, [segment.number for segment in judge.segments])
    highest = np.sort(scores[inside & np.isfinite(scores)])[::-1][: 3 * TRIED]
    tried = np.unique(np.concatenate([highest[:TRIED:2], highest[TRIED::6]])) - 1e-9
    scored = [(judge.score(scores > threshold), float(threshold)) for threshold in tried]
    allowed = [pair for pair in scored if pair[0].false_alarms_per_symbol_day <= MOST_FALSE]
    if not allowed:
        fewest = min(judged.false_alarms for judged, _ in scored)
        allowed = [pair for pair in scored if pair[0].false_alarms == fewest]
    # Without a counted event among these symbols every F1 is NaN: none is better than another.
    f1 = np.nan_to_num([judged.f1 for judged, _ in allowed])
    values = np.array([value for _, value in allowed])
    return float(np.median(values[f1 >= f1.max() - 1e-12]))


def nested(judge: Judge, traits: FloatArray, *, seed: int) -> BoolArray:
    """Return the alarms where model and threshold come from other symbols alone."""
    table = judge.table
    symbols = np.array(table.symbol)
    everyone = sorted({segment.symbol for segment in judge.segments})
    alarm = np.zeros(len(traits), dtype=np.bool_)
    for held_out in symbol_folds(everyone, OUTER, seed):
        others = [symbol for symbol in everyone if symbol not in held_out]
        inside = np.isin(symbols, held_out)
        threshold, model = _learn(judge.of(others), traits, ~inside, seed + 1)
        alarm[inside] = score_of(model, traits[inside]) > threshold
    return alarm


def later(judge: Judge, traits: FloatArray, *, share: float = 0.6, seed: int = 0) -> Score:
    """Return the score on the later markets of a rule that was made from the earlier ones."""
    onsets = sorted(event.onset for event in judge.events if event.counted)
    cut = onsets[int(share * len(onsets))]
    before = [segment for segment in judge.segments if segment.end <= cut]
    after = [segment for segment in judge.segments if segment.end > cut]
    learn = np.isin(judge.table.segment, [segment.number for segment in before])
    threshold, model = _learn(judge.on(before), traits, learn, seed)
    return judge.on(after).score(score_of(model, traits) > threshold)


def interval(judge: Judge, alarm: BoolArray, *, draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % interval of F1, by drawing symbols with replacement."""
    everyone = sorted({segment.symbol for segment in judge.segments})
    single = [judge.of([symbol]).score(alarm) for symbol in everyone]
    counts = np.array([(score.hits, score.events, score.false_alarms) for score in single])
    picks = np.random.default_rng(1).integers(0, len(counts), (draws, len(counts)))
    hits, events, false = counts[picks].sum(axis=1).T
    f1 = 2 * hits / np.maximum(hits + false + events, 1)
    low, high = np.percentile(f1, [2.5, 97.5])
    return float(low), float(high)


def _learn(
    judge: Judge, traits: FloatArray, learn: BoolArray, seed: int
) -> tuple[float, dict[str, object]]:
    """Return the threshold by inner folds, and the model of all candidates in `learn`."""
    table = judge.table
    teaches = table.teaches & learn
    scores = np.full(len(traits), -np.inf)
    names = [name for name, inside in zip(table.symbol, learn, strict=True) if inside]
    scores[learn] = out_of_fold(
        traits[learn], table.pump[learn], teaches[learn], names, INNER, seed
    )
    threshold = best_threshold(judge, scores)
    return threshold, fit(traits[teaches], table.pump[teaches], [""] * traits.shape[1])
