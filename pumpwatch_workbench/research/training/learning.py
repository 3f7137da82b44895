"""The stored scores of the rule `boosted`, made from a folder of labelled pumps."""

from __future__ import annotations

from typing import Any

import numpy as np

from pumpwatch.domain.detection.boosted import Boosted, LearnedScores
from pumpwatch.domain.detection.learned import LearnedScore, Trees
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS
from pumpwatch.domain.detection.traits import CANDLE_TRAITS
from pumpwatch.domain.market.candles import BoolArray, FloatArray
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.evaluation.labelled import load_segments
from pumpwatch_workbench.research.evaluation.scores import WARM_UP
from pumpwatch_workbench.research.training.fit import fit, out_of_fold
from pumpwatch_workbench.research.training.table import TrainingTable, training_table
from pumpwatch_workbench.research.training.validation import Judge, best_threshold, nested

FOLDS = 5


def judge_of(recorded: RecordedFolder) -> Judge:
    """Return the folder's candidates and what judges them. Raises `BadInput`."""
    events = recorded.pumps()
    if not recorded.has_trades:
        missing = recorded.folder / "trades.parquet"
        raise BadInput(f"{missing} is missing: without it the score of trades cannot be trained")
    if not any(event.counted for event in events):
        raise BadInput(f"{recorded.folder / 'events.csv'} has no event with counted = 1: add one")
    segments = load_segments(recorded)
    recorded.check_length(WARM_UP // MINUTE)
    zeros = np.zeros(0)
    nothing = LearnedScore(CANDLE_TRAITS, 0.0, zeros, zeros, zeros, 0.0, 0.0, Trees.from_json([]))
    table = training_table(segments, events, Boosted(scores=LearnedScores(nothing, nothing)))
    return Judge(table, segments, events)


def variants(table: TrainingTable) -> dict[str, FloatArray]:
    """Return the inputs that are compared, by name. The product stores the clock-blind ones."""
    both = np.column_stack([table.candle_traits, _trades(table)])
    clock = table.half_hour[:, None]
    return {
        "candles": table.candle_traits,
        "candles and trades": both,
        "candles and clock": np.column_stack([table.candle_traits, clock]),
        "candles, trades and clock": np.column_stack([both, clock]),
    }


def nested_alarms(judge: Judge, name: str, *, seed: int) -> BoolArray:
    """Return the alarms of a variant in nested folds, judged as production judges.

    A candidate whose trades are not known is judged by the candles alone.
    """
    inputs = variants(judge.table)
    alarm = nested(judge, inputs[name], seed=seed)
    alone = name.replace(", trades", "").replace(" and trades", "")
    if alone == name:
        return alarm
    return np.where(judge.table.traded, alarm, nested(judge, inputs[alone], seed=seed))


def learned_scores(judge: Judge) -> dict[str, Any]:
    """Return both scores as plain JSON, each with the threshold that its folds chose."""
    inputs = variants(judge.table)
    return {
        "candles": _score(judge, inputs["candles"], CANDLE_TRAITS),
        "trades": _score(judge, inputs["candles and trades"], CANDLE_TRAITS + TRADE_TRAITS),
    }


def _score(judge: Judge, traits: FloatArray, names: tuple[str, ...]) -> dict[str, Any]:
    table = judge.table
    thresholds = [
        best_threshold(
            judge, out_of_fold(traits, table.pump, table.teaches, table.symbol, FOLDS, seed)
        )
        for seed in range(3)
    ]
    learn = table.teaches
    return fit(traits[learn], table.pump[learn], names, threshold=float(np.median(thresholds)))


def _trades(table: TrainingTable) -> FloatArray:
    """Return the trade traits; a candidate without trades gets the middle of the others."""
    middle = np.nanmedian(table.trade_traits, axis=0)
    return np.where(np.isnan(table.trade_traits), middle, table.trade_traits)
