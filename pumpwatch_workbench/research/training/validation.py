"""Thresholds and honest figures of learned scores: nested folds by symbol.

A threshold is always chosen on scores of models that did not see the symbol; in `nested` also on
symbols that are not the ones it is judged on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from pumpwatch.domain.detection.burst_rule import step_of
from pumpwatch.domain.detection.burst_traits import clock_traits
from pumpwatch.domain.market.candles import BoolArray, FloatArray
from pumpwatch.domain.moments import HOUR, SECOND
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.evaluation.scores import Score, clean_days, segment_score
from pumpwatch_workbench.research.training.fit import fit, score_of, symbol_folds
from pumpwatch_workbench.research.training.table import Examples

MOST_FALSE = 0.005
"""False alarms a symbol-day that the thresholds together may cost."""
MOST_FALSE_BLIND = {5 * SECOND: 0.004, 15 * SECOND: 0.003}
"""Those that the blind one alone may cost, by the step of the ring."""
OUTER, INNER, DIVISIONS, PHASES = 5, 4, 3, 2
HIGHEST, LOWER = 1_200, 6_000
"""Scores that thresholds are tried between: of the highest densely, then fewer."""
TOO_FEW = (
    "too few coins with a pump or with other bursts: each score is judged on coins that it has not "
    "seen, so give recordings of more coins"
)

CLOCKS = ("", ", random clock", ", clock off")
"""What the score with the clock reads: the clock, a wrong one, or it is not asked."""

Alarms = dict[int, BoolArray]
"""Alarms of the examples by scan interval, milliseconds."""


class Judge:
    """Scores choices of examples on markets, as `evaluate` scores alarms."""

    def __init__(self, segments: Sequence[Segment], events: Sequence[LabelledPump]) -> None:
        self._markets = []
        for segment in segments:
            known = [event for event in events if event.segment == segment.number]
            days = clean_days(segment, known)
            silent = segment_score(segment, known, (), days)
            self._markets.append(_Market(segment, known, days, silent))

    @property
    def symbols(self) -> list[str]:
        """Return the symbols in order."""
        return sorted({market.segment.symbol for market in self._markets})

    def of(self, symbols: Sequence[str]) -> Judge:
        """Return the judge of some symbols' markets."""
        some = Judge((), ())
        wanted = set(symbols)
        some._markets = [market for market in self._markets if market.segment.symbol in wanted]
        return some

    def score(self, examples: Examples, alarm: BoolArray) -> Score:
        """Return what the alarms, (examples,), are worth."""
        places = np.flatnonzero(alarm)
        times, numbers = examples.time[places], examples.segment[places]
        wanted = [market.segment.number for market in self._markets]
        begins, ends = (np.searchsorted(numbers, wanted, side=side) for side in ("left", "right"))
        parts = [
            market.score(times[begin:end].tolist())
            for market, begin, end in zip(self._markets, begins, ends, strict=True)
        ]
        return Score.total(parts)


@dataclass(frozen=True, slots=True, eq=False)
class _Market:
    segment: Segment
    known: Sequence[LabelledPump]
    clean_symbol_days: float
    silent: Score
    """The score without an alarm."""

    def score(self, times: list[int]) -> Score:
        if not times:
            return self.silent
        return segment_score(self.segment, self.known, times, self.clean_symbol_days)


def at_phases(examples: Examples, interval: int, seed: int) -> BoolArray:
    """Return which examples scans of an interval see, each market at a random phase of seconds."""
    seconds = interval // SECOND
    numbers, place = np.unique(examples.segment, return_inverse=True)
    spacing = int(np.gcd.reduce(np.diff(np.unique(examples.time % interval)))) or interval
    first = int(examples.time[0]) % spacing
    phases = np.random.default_rng([seed, seconds]).integers(0, interval // spacing, len(numbers))
    seen: BoolArray = (examples.time - first) % interval == phases[place] * spacing
    return seen


def best_threshold(
    judge: Judge, examples: Examples, alarms: Callable[[float], BoolArray], tried: FloatArray
) -> float:
    """Return the threshold with the best F1 among those with few enough false alarms.

    In the middle of equally good ones. Where none has few enough, the one with the fewest.
    """
    scored = [(float(at), judge.score(examples, alarms(at))) for at in tried]
    allowed = _few_false(scored, MOST_FALSE)
    # Without a counted event among these symbols every F1 is NaN: none is better than another.
    f1 = np.nan_to_num([judged.f1 for _, judged in allowed])
    best = [at for (at, _), value in zip(allowed, f1, strict=True) if value >= f1.max() - 1e-12]
    return float(np.median(best))


def _few_false(scored: Sequence[tuple[float, Score]], most: float) -> list[tuple[float, Score]]:
    """Return those with at most so many false alarms a symbol-day; if none has, with the fewest."""
    if not scored:
        raise BadInput(TOO_FEW)
    fewest = min(judged.false_alarms for _, judged in scored)
    return [
        (at, judged)
        for at, judged in scored
        if judged.false_alarms <= max(most * judged.clean_symbol_days, fewest)
    ]


def tried_thresholds(scores: FloatArray) -> FloatArray:
    """Return what is tried: just below some of the highest scores."""
    highest = np.sort(scores[np.isfinite(scores)])[::-1]
    some = np.concatenate([highest[:HIGHEST:12], highest[HIGHEST:LOWER:60]])
    return np.unique(some) - 1e-9


def burst_thresholds(
    judge: Judge,
    examples: Examples,
    blind: FloatArray,
    clock: FloatArray,
    seen: BoolArray,
    blind_false: float,
) -> tuple[float, float]:
    """Return the thresholds of both scores of looks: the lowest blind one that alone costs few
    false alarms, and the best one with the clock beside it."""
    counts = seen & ~examples.spill
    scored = [
        (float(at), judge.score(examples, counts & (blind > at)))
        for at in tried_thresholds(blind[counts])
    ]
    blind_least = min(at for at, _ in _few_false(scored, blind_false))
    clock_least = best_threshold(
        judge,
        examples,
        lambda at: counts & ((clock > at) | (blind > blind_least)),
        tried_thresholds(clock[counts]),
    )
    return blind_least, clock_least


def with_clock(examples: Examples, shift: Mapping[str, int] | None = None) -> FloatArray:
    """Return the traits with those of the clock, whose time of each symbol can be shifted."""
    moved = [
        begin + (0 if shift is None else shift[symbol])
        for begin, symbol in zip(examples.begin.tolist(), examples.symbol, strict=True)
    ]
    clock = np.array([clock_traits(begin) for begin in moved]).reshape(len(moved), -1)
    return np.concatenate([examples.traits, clock], axis=1)


def random_clocks(examples: Examples, seed: int) -> dict[str, int]:
    """Return a shift of up to an hour for each symbol, milliseconds."""
    symbols = sorted(set(examples.symbol))
    shifts = np.random.default_rng([seed, 60]).integers(0, HOUR // SECOND, len(symbols)) * SECOND
    return dict(zip(symbols, shifts.tolist(), strict=True))


def taught(
    examples: Examples,
    traits: FloatArray,
    learn: BoolArray,
    *,
    names: Sequence[str] | None = None,
    threshold: float = 0.0,
) -> dict[str, Any]:
    """Return the score that the examples in `learn` teach, as plain JSON."""
    chosen = learn & examples.teach & ~examples.spill
    pump, weight = examples.pump[chosen], examples.weight_of(chosen)
    if pump.all() or not pump.any():
        raise BadInput(TOO_FEW)
    return fit(traits[chosen], pump, weight, names, threshold=threshold)


def out_of_fold(
    examples: Examples, traits: FloatArray, inside: BoolArray, folds: int, seed: int
) -> FloatArray:
    """Return the score of each example in `inside` by a model that saw none of its symbol."""
    symbols = np.array(examples.symbol)
    scores = np.full(len(traits), -np.inf)
    for held_out in symbol_folds(sorted(set(symbols[inside].tolist())), folds, seed):
        judged = inside & np.isin(symbols, held_out)
        model = taught(examples, traits, inside & ~judged)
        scores[judged] = score_of(model, traits[judged])
    return scores


def chosen_thresholds(
    judge: Judge,
    examples: Examples,
    inside: BoolArray,
    intervals: Sequence[int],
    folds: int,
    seed: int,
) -> dict[int, tuple[float, float]]:
    """Return both thresholds for each scan interval: medians over divisions and phases."""
    timed = with_clock(examples)
    chosen: dict[int, list[tuple[float, float]]] = {interval: [] for interval in intervals}
    for division in range(DIVISIONS):
        blind, clock = (
            out_of_fold(examples, traits, inside, folds, 10 * seed + division)
            for traits in (examples.traits, timed)
        )
        for interval, phase in product(intervals, range(PHASES)):
            seen = inside & at_phases(examples, interval, 100 * seed + 10 * division + phase)
            alone = MOST_FALSE_BLIND[step_of(interval)]
            chosen[interval].append(burst_thresholds(judge, examples, blind, clock, seen, alone))
    return {
        interval: (float(np.median([b for b, _ in pairs])), float(np.median([c for _, c in pairs])))
        for interval, pairs in chosen.items()
    }


def nested(
    judge: Judge, examples: Examples, intervals: Sequence[int], *, seed: int
) -> dict[str, Alarms]:
    """Return the alarms where models and thresholds come from other symbols alone, by `CLOCKS`."""
    symbols = np.array(examples.symbol)
    timed = with_clock(examples)
    shifted = with_clock(examples, random_clocks(examples, seed))
    alarms = {
        clock: {interval: np.zeros(len(symbols), dtype=np.bool_) for interval in intervals}
        for clock in CLOCKS
    }
    for held_out in symbol_folds(judge.symbols, OUTER, seed):
        judged = np.isin(symbols, held_out)
        others = judge.of([symbol for symbol in judge.symbols if symbol not in held_out])
        least = chosen_thresholds(others, examples, ~judged, intervals, INNER, seed + 1)
        blind = score_of(taught(examples, examples.traits, ~judged), examples.traits[judged])
        model = taught(examples, timed, ~judged)
        clock, moved = score_of(model, timed[judged]), score_of(model, shifted[judged])
        for interval in intervals:
            blind_least, clock_least = least[interval]
            seen = at_phases(examples, interval, seed)[judged]
            alone = blind > blind_least
            either = (alone | (clock > clock_least), alone | (moved > clock_least), alone)
            for kind, alarm in zip(CLOCKS, either, strict=True):
                alarms[kind][interval][judged] = seen & alarm
    return alarms


def interval_of(
    judge: Judge, examples: Examples, alarm: BoolArray, *, draws: int = 2000
) -> tuple[float, float]:
    """Return the 95 % interval of F1, by drawing symbols with replacement."""
    single = [judge.of([symbol]).score(examples, alarm) for symbol in judge.symbols]
    counts = np.array([(score.hits, score.events, score.false_alarms) for score in single])
    picks = np.random.default_rng(1).integers(0, len(counts), (draws, len(counts)))
    hits, events, false = counts[picks].sum(axis=1).T
    f1 = 2 * hits / np.maximum(hits + false + events, 1)
    low, high = np.percentile(f1, [2.5, 97.5])
    return float(low), float(high)
