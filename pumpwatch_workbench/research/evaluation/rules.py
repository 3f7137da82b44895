"""Detection rules by name, with settings, evaluated as they are and over a range of a setting."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from pumpwatch.domain.detection.base import CandleRule
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.errors import BadInput
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.evaluation.kamps_kleinberg import KampsKleinberg
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.evaluation.scores import Score, hit_after, raise_alarms, score

DEFAULT_RULE: str = DetectSettings.model_fields["detector"].default
"""The rule that production uses unless it is told otherwise."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as `evaluate` starts it, and the setting that trades recall for false alarms."""

    usual: CandleRule
    knob: str
    values: tuple[float, ...]


RULES: dict[str, Rule] = {
    Boosted.name: Rule(Boosted(), "margin", (-3, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 3)),
    # The labelled turnovers are in BTC, where production's epsilon of 0.1 USDT is about 1e-6.
    Ewma.name: Rule(
        Ewma(epsilon=1e-6), "turnover_z", (12, 18, 24, 32, 40, 48, 56, 64, 80, 100, 140, 200)
    ),
    Karbalaii.name: Rule(Karbalaii(), "price_rise", (0.05, 0.1, 0.15, 0.25, 0.4, 0.6, 0.9)),
    KampsKleinberg.name: Rule(
        KampsKleinberg(), "price_factor", (1.03, 1.05, 1.08, 1.1, 1.15, 1.2, 1.3, 1.5)
    ),
}
ALIASES = {
    "ewma_span_minutes": "span",
    "ewma_turnover_z": "turnover_z",
    "ewma_jump": "jump",
    "ewma_epsilon_usdt": "epsilon",
    "warm_up_minutes": "warm_up",
}
"""Production's names of settings that a rule has too."""


def pairs_from(options: Iterable[str]) -> dict[str, str]:
    """Return the `key=value` options as a mapping. Raises `BadInput` for one without `=`."""
    pairs: dict[str, str] = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not separator or not name.strip():
            raise BadInput(f"--set {option!r}: write it as key=value, for example turnover_z=40")
        key = name.strip().lower().replace("-", "_")
        pairs[ALIASES.get(key, key)] = value.strip()
    return pairs


def rule_named(name: str, pairs: Mapping[str, str]) -> CandleRule:
    """Return the rule of that name with some of its settings changed.

    Raises `BadInput` for an unknown rule or setting, and for a value that it cannot have.
    """
    if name not in RULES:
        raise BadInput(f"there is no detector {name!r}: choose one of {', '.join(RULES)}")
    usual = RULES[name].usual
    kinds = _settings_of(usual)
    changes = {}
    for key, text in pairs.items():
        if key not in kinds:
            near = get_close_matches(key, kinds, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(kinds)}"
            raise BadInput(f"--set {key}: the detector {name} has no such setting; {hint}")
        changes[key] = _value(key, text, kinds[key])
    try:
        return replace(usual, **changes)  # type: ignore[type-var]
    except ValueError as error:
        raise BadInput(f"--set: {error}") from None


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """A rule, every alarm it raised by segment number, what they are worth, and its curve.

    `curve` holds the value of the rule's knob and the score with it.
    """

    detector: CandleRule
    alarms: Mapping[int, Sequence[int]]
    score: Score
    curve: tuple[tuple[float, Score], ...]


def evaluate_rule(
    detector: CandleRule, segments: Sequence[Segment], events: Sequence[LabelledPump]
) -> Evaluated:
    """Score the rule as it is, and with other values of the setting that makes it stricter."""
    alarms = raise_alarms(detector, segments)
    allowed = hit_after(detector)
    curve = tuple(
        (value, score(segments, events, others, hit_after=allowed))
        for value, others in varied(detector, segments)
    )
    return Evaluated(detector, alarms, score(segments, events, alarms, hit_after=allowed), curve)


def varied(
    detector: CandleRule, segments: Sequence[Segment]
) -> Iterator[tuple[float, dict[int, list[int]]]]:
    """Yield each value of the setting that trades recall for false alarms, and the alarms then."""
    rule = RULES[detector.name]
    if isinstance(detector, Boosted):
        # All values share the scores, which cost the most.
        judged = [(segment.number, *_judged(detector, segment)) for segment in segments]
        for value in rule.values:
            yield value, {number: time[margin > value].tolist() for number, time, margin in judged}
        return
    for value in rule.values:
        other = replace(detector, **{rule.knob: value})  # type: ignore[type-var]
        yield value, raise_alarms(other, segments)


def _judged(detector: Boosted, segment: Segment) -> tuple[IntArray, FloatArray]:
    """Return when each candidate is complete, and the largest margin with which it alarms."""
    candidates, margin = detector.margins(segment.candles, [segment.trades])
    return segment.candles.open_time[candidates.columns] + segment.candles.interval, margin


def _settings_of(detector: CandleRule) -> dict[str, type]:
    """Return the numbers among the rule's fields, with their types."""
    kinds: dict[str, type] = {}
    for field in fields(detector):  # type: ignore[arg-type]
        value: Any = getattr(detector, field.name)
        if isinstance(value, int | float):
            kinds[field.name] = type(value)
    return kinds


def _value(key: str, text: str, kind: type) -> float | int:
    try:
        value: float | int = kind(text)
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise BadInput(f"--set {key}={text}: give {wanted}") from None
    if not abs(value) < float("inf"):
        raise BadInput(f"--set {key}={text}: give a finite number")
    return value
