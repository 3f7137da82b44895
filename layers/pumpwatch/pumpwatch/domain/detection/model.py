"""The scores of the rule `boosted`, as `pumpwatch train` stores them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from pumpwatch.domain.moments import SECOND

from .burst_traits import BURST_TRAITS, CLOCK_TRAITS
from .learned import LearnedScore
from .trade_traits import TRADE_TRAITS
from .traits import CANDLE_TRAITS

MODEL = "boosted.json"


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Four scores: of bursts without and with the clock, of minutes without and with trades.

    `thresholds` are those of the two scores of bursts by scan interval, milliseconds. `trained_on`
    is the fingerprint of the folder that they were trained on.
    """

    blind: LearnedScore
    clock: LearnedScore
    thresholds: Mapping[int, tuple[float, float]]
    candles: LearnedScore
    trades: LearnedScore
    trained_on: str

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Model:
        """Return the stored model. Raises `ValueError` when it is of other traits."""
        return cls(
            blind=LearnedScore.from_json(stored["blind"], BURST_TRAITS),
            clock=LearnedScore.from_json(stored["clock"], BURST_TRAITS + CLOCK_TRAITS),
            thresholds={
                int(seconds) * SECOND: (float(blind), float(clock))
                for seconds, (blind, clock) in stored["thresholds"].items()
            },
            candles=LearnedScore.from_json(stored["candles"], CANDLE_TRAITS),
            trades=LearnedScore.from_json(stored["trades"], CANDLE_TRAITS + TRADE_TRAITS),
            trained_on=str(stored["trained_on"]),
        )


@cache
def stored_model() -> Model:
    """Return the model that comes with the package."""
    text = (files("pumpwatch.domain.detection") / MODEL).read_text(encoding="utf-8")
    return Model.from_json(json.loads(text))
