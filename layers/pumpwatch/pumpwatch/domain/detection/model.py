"""The scores of the rule `boosted`, as `pumpwatch train` stores them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pumpwatch.domain.moments import SECOND

from .burst_rule import BurstRule, BurstScores, step_of
from .burst_traits import BURST_TRAITS, CLOCK_TRAITS
from .learned import LearnedScore
from .trade_traits import TRADE_TRAITS
from .traits import CANDLE_TRAITS

MODEL = "boosted.json"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """The scores of bursts by the step of their prices, milliseconds, and two of minutes: without
    and with trades.

    `trained_on` has the fingerprints of the markets that they were trained on.
    """

    bursts: Mapping[int, BurstScores]
    candles: LearnedScore
    trades: LearnedScore
    trained_on: frozenset[str]

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Model:
        """Return the stored model. Raises `ValueError` when it is of other traits."""
        return cls(
            bursts={int(step) * SECOND: _burst_scores(of) for step, of in stored["bursts"].items()},
            candles=LearnedScore.from_json(stored["candles"], CANDLE_TRAITS),
            trades=LearnedScore.from_json(stored["trades"], CANDLE_TRAITS + TRADE_TRAITS),
            trained_on=frozenset(stored["trained_on"]),
        )

    def burst_rule(self, interval: int, *, reads_clock: bool = True) -> BurstRule:
        """Return the judge of bursts for scans so far apart, milliseconds.

        Raises `ValueError` for scans that are too rare.
        """
        return BurstRule(self.bursts[step_of(interval)], interval, reads_clock)


def _burst_scores(stored: Mapping[str, Any]) -> BurstScores:
    return BurstScores(
        blind=LearnedScore.from_json(stored["blind"], BURST_TRAITS),
        clock=LearnedScore.from_json(stored["clock"], BURST_TRAITS + CLOCK_TRAITS),
        thresholds={
            int(seconds) * SECOND: (float(blind), float(clock))
            for seconds, (blind, clock) in stored["thresholds"].items()
        },
    )


@cache
def stored_model() -> Model:
    """Return the model that comes with the package."""
    text = (files("pumpwatch.domain.detection") / MODEL).read_text(encoding="utf-8")
    return Model.from_json(json.loads(text))
