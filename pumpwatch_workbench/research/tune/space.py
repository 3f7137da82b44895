"""The settings that are searched, and their bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from typing import Protocol

from pumpwatch.errors import BadInput
from pumpwatch.settings.overrides import pairs_from
from pumpwatch_workbench.research.backtest.settings import (
    BacktestSettings,
    read_settings,
    settable,
)

LOG_FROM, EDGE = 4, 0.05
"""Span of a range that is searched in the logarithm, and the share at its ends that is its edge."""
DIGITS = 4
"""Significant digits of a searched number: more would be noise."""
LOOSENED = frozenset({"ewma_turnover_z", "ewma_jump"})
"""Thresholds that only filter alarms."""
LENGTHENED = ("fade_time_limit_minutes", "ride_time_limit_minutes", "delay_candles")
REDETECTED = ("ewma_span_minutes", "ewma_epsilon_usdt", "warm_up_minutes")
"""Settings with which detection must be done anew: only a few values are possible."""
DEFAULTS = {
    "ewma": {
        "ewma_turnover_z": "15:120",
        "ewma_jump": "0.03:0.15",
        "ewma_span_minutes": "480,1440,2880",
    },
    "fade": {
        "fade_stop_above_peak": "0.01:0.1",
        "fade_target_retrace": "0.3:1",
        "fade_min_gain": "0.005:0.04",
        "fade_time_limit_minutes": "5:60",
    },
    "ride": {
        "ride_stop_fraction": "0.01:0.1",
        "ride_target_fraction": "0.01:0.2",
        "ride_time_limit_minutes": "1:30",
    },
}


class Suggest(Protocol):
    """Interface of an Optuna trial."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """Return a number between the bounds."""

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """Return a whole number between the bounds."""

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> str:
        """Return one of the choices."""


@dataclass(frozen=True, slots=True)
class Range:
    """All values between two bounds, evenly in the logarithm where they span a factor of 4."""

    name: str
    low: float
    high: float
    whole: bool

    def suggest(self, trial: Suggest) -> str:
        """Return a value as text."""
        if self.whole:
            return str(trial.suggest_int(self.name, int(self.low), int(self.high)))
        log = self.low > 0 and self.high / self.low >= LOG_FROM
        value = trial.suggest_float(self.name, self.low, self.high, log=log)
        rounded = float(f"{value:.{DIGITS}g}")
        return repr(min(max(rounded, self.low), self.high))

    def at_edge(self, value: str) -> bool:
        """Return whether a value lies within a twentieth of the range from its ends."""
        share = (float(value) - self.low) / (self.high - self.low)
        return not EDGE <= share <= 1 - EDGE


@dataclass(frozen=True, slots=True)
class Choices:
    """A few values."""

    name: str
    values: tuple[str, ...]

    def suggest(self, trial: Suggest) -> str:
        """Return one of them."""
        return trial.suggest_categorical(self.name, self.values)


Dimension = Range | Choices


@dataclass(frozen=True, slots=True)
class SearchSpace:
    """Fixed settings and the dimensions of the search."""

    strategy: str
    detector: str
    fixed: Mapping[str, str]
    dimensions: tuple[Dimension, ...]

    def suggest(self, trial: Suggest) -> dict[str, str]:
        """Return values for the dimensions."""
        return {dimension.name: dimension.suggest(trial) for dimension in self.dimensions}

    def settings(self, values: Mapping[str, str]) -> BacktestSettings:
        """Return the settings with these values."""
        pairs = {**self.fixed, **values}
        return read_settings(pairs, strategy=self.strategy, detector=self.detector)

    def loosest(self) -> list[BacktestSettings]:
        """Return, for each way to detect, the settings that raise every alarm of the search."""
        bounds: dict[str, str] = {}
        lists: list[list[tuple[str, str]]] = []
        for dimension in self.dimensions:
            if dimension.name in LOOSENED:
                bounds[dimension.name] = _lowest(dimension)
            elif dimension.name in LENGTHENED:
                bounds[dimension.name] = _highest(dimension)
            elif dimension.name in REDETECTED and isinstance(dimension, Choices):
                lists.append([(dimension.name, value) for value in dimension.values])
        return [self.settings({**bounds, **dict(chosen)}) for chosen in product(*lists)]

    def describe(self) -> dict[str, object]:
        """Return the space as plain values."""
        return {
            "strategy": self.strategy,
            "detector": self.detector,
            "fixed": dict(sorted(self.fixed.items())),
            "dimensions": [str(dimension) for dimension in self.dimensions],
        }


def space_for(
    strategy: str, detector: str, *, search: Sequence[str] = (), fixed: Sequence[str] = ()
) -> SearchSpace:
    """Return the space: that of strategy and rule, or what `search` names instead.

    `search` are texts `key=low:high` or `key=one,two,three`. Raises `BadInput`, `SettingsError`.
    """
    set_pairs = pairs_from(fixed, "--set")
    wanted = pairs_from(search, "--search") or DEFAULTS.get(detector, {}) | DEFAULTS.get(
        strategy, {}
    )
    dimensions = [_dimension(name, text) for name, text in wanted.items() if name not in set_pairs]
    if not dimensions:
        raise BadInput("there is nothing to search: name settings with --search key=low:high")
    space = SearchSpace(strategy, detector, set_pairs, tuple(dimensions))
    space.settings({})
    for dimension in dimensions:
        for value in (
            dimension.values
            if isinstance(dimension, Choices)
            else (_lowest(dimension), _highest(dimension))
        ):
            space.settings({dimension.name: value})
    return space


def _dimension(name: str, text: str) -> Dimension:
    if name not in settable():
        read_settings({name: text})
    low, colon, high = text.partition(":")
    if not colon:
        values = tuple(part.strip() for part in text.split(",") if part.strip())
        if len(set(values)) <= 1:
            raise BadInput(f"--search {name}={text}: give low:high, or several values")
        return Choices(name, values)
    if name in REDETECTED:
        raise BadInput(
            f"--search {name}={text}: detection is done anew for each value, so name a few of them,"
            f" such as {name}={low},{high}"
        )
    kind = settable()[name].model_fields[name].annotation
    if kind not in (int, float, Decimal):
        raise BadInput(f"--search {name}={text}: it is no number; list its values with commas")
    try:
        bounds = float(low), float(high)
    except ValueError:
        bounds = math.nan, math.nan
    if not -math.inf < bounds[0] < bounds[1] < math.inf:
        raise BadInput(f"--search {name}={text}: give two numbers, the lower one first")
    return Range(name, *bounds, whole=kind is int)


def _lowest(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        return min(dimension.values, key=float)
    return str(int(dimension.low)) if dimension.whole else repr(dimension.low)


def _highest(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        return max(dimension.values, key=float)
    return str(int(dimension.high)) if dimension.whole else repr(dimension.high)
