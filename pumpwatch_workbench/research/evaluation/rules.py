"""Detection rules by name, with settings, evaluated as they are and over a range of a setting."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any

from pumpwatch.domain.detection.base import CandleRule
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.errors import BadInput
from pumpwatch.own.loading import entry_points_of
from pumpwatch.own.rules import OwnDetector
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.overrides import pairs_from
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.evaluation.kamps_kleinberg import KampsKleinberg
from pumpwatch_workbench.research.evaluation.labelled import Segment
from pumpwatch_workbench.research.evaluation.looks import Scans
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


def settings_from(options: Iterable[str]) -> dict[str, str]:
    """Return the `key=value` options by the rule's own names. Raises `SettingsError`."""
    return {ALIASES.get(name, name): value for name, value in pairs_from(options, "--set").items()}


def clock_of(names: Iterable[str], pairs: dict[str, str]) -> bool:
    """Take the setting of the clock out of the pairs, and return whether the clock is read.

    Raises `BadInput` for another value than on and off, and for a rule that never reads it.
    """
    value = pairs.pop("detector_clock", pairs.pop("clock", None))
    if value is None:
        return True
    if value not in ("on", "off"):
        raise BadInput(f"--set detector_clock={value}: write on or off")
    if Boosted.name not in names:
        raise BadInput("--set detector_clock: only the detector boosted reads the clock")
    return value == "on"


def rule_named(name: str, pairs: Mapping[str, str]) -> CandleRule:
    """Return the rule of that name with some of its settings changed.

    Raises `BadInput` for an unknown setting, and for a value that it cannot have; `SettingsError`
    for an unknown rule.
    """
    entry_points_of("rules", RULES)
    if name not in RULES and pairs:
        raise BadInput(f"--set: the rule {name} is your own: change its settings in your code")
    if name not in RULES:
        return OwnDetector(name)
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

    `curve` holds the value of the rule's knob and the score with it. `trained_on` counts the
    segments that its model was trained on: what it makes of them is flattering.
    """

    detector: CandleRule
    alarms: Mapping[int, Sequence[int]]
    score: Score
    curve: tuple[tuple[float, Score], ...]
    source: str = ""
    """Name of the folder."""
    trained_on: int = 0

    def to_json(self) -> dict[str, object]:
        """Return the figures by name."""
        return {**self.score.to_json(), "segments_trained_on": self.trained_on}


def evaluate_rule(
    detector: CandleRule,
    segments: Sequence[Segment],
    events: Sequence[LabelledPump],
    scans: Scans | None = None,
) -> Evaluated:
    """Score the rule as it is, and with other values of the setting that makes it stricter."""
    judged = _Judged(detector, segments, scans or Scans())
    allowed = hit_after(detector)
    alarms = judged.alarms(detector)
    rule = RULES.get(detector.name, Rule(detector, "", ()))
    curve = tuple(
        (value, score(segments, events, judged.alarms(other), hit_after=allowed))
        for value in rule.values
        for other in [replace(detector, **{rule.knob: value})]  # type: ignore[type-var]
    )
    now = score(segments, events, alarms, hit_after=allowed)
    return Evaluated(detector, alarms, now, curve)


def together(results: Sequence[Evaluated]) -> Evaluated:
    """Return what a rule made of several folders as if they were a single one."""
    first = results[0]
    curve = tuple(
        (points[0][0], Score.total([point[1] for point in points]))
        for points in zip(*(result.curve for result in results), strict=True)
    )
    total = Score.total([result.score for result in results])
    known = sum(result.trained_on for result in results)
    return Evaluated(first.detector, {}, total, curve, "together", known)


class _Judged:
    """Alarms of a rule with several settings; those of `boosted` share their scores."""

    def __init__(self, detector: CandleRule, segments: Sequence[Segment], scans: Scans) -> None:
        self._segments = segments
        self._margins = (
            {segment.number: scans.margins(detector, segment) for segment in segments}
            if isinstance(detector, Boosted)
            else {}
        )

    def alarms(self, detector: CandleRule) -> dict[int, list[int]]:
        """Return when each segment's alarms are known, by its number."""
        if not isinstance(detector, Boosted):
            return raise_alarms(detector, self._segments)
        return {
            number: times[margins > detector.margin].tolist()
            for number, (times, margins) in self._margins.items()
        }


def _settings_of(detector: CandleRule) -> dict[str, type]:
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
