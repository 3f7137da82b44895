"""The common part of many settings: detection and events, done once.

Of the candles the pool keeps windows behind every alarm that the loosest thresholds of the search
would raise. A stricter threshold is a filter over their strength and jump, exactly as the rule
itself compares them; tests hold each evaluation to the plain backtest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.events import EventRules
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.market.candles import BoolArray, FloatArray, IntArray
from pumpwatch.own.rules import detector_named
from pumpwatch_workbench.research.backtest.engine import (
    NEVER,
    BacktestOutcome,
    Coverage,
    alarm_windows,
    reach_of,
    rules_of,
    trade_on,
)
from pumpwatch_workbench.research.backtest.events import Track
from pumpwatch_workbench.research.backtest.market import Block, Window
from pumpwatch_workbench.research.backtest.settings import BacktestSettings


@dataclass(slots=True)
class _Group:
    """Alarms of one rule at its loosest thresholds; arrays are shaped (alarms,)."""

    detector: Detector
    windows: list[Window]
    strength: FloatArray
    jump: FloatArray
    known_at: IntArray
    tracks: dict[tuple[EventRules, int, int], Track] = field(default_factory=dict)
    """Tracks by rules, alarm and the end that cuts its window (0: none does)."""

    def __getstate__(self) -> tuple[object, ...]:
        return self.detector, self.windows, self.strength, self.jump, self.known_at

    def __setstate__(self, state: tuple[object, ...]) -> None:
        self.detector, self.windows, self.strength, self.jump, self.known_at = state  # type: ignore[assignment]
        self.tracks = {}


class SignalPool:
    """Evaluates settings that differ from `loosest` in what the pool has been built for.

    `loosest` holds, for each rule to be tried, settings whose thresholds are the lowest of the
    search and whose time limits are the longest. Raises `KeyError` for a rule it does not hold.
    """

    def __init__(self, blocks: Iterable[Block], loosest: Sequence[BacktestSettings]) -> None:
        self.coverage = Coverage()
        rules = [detector_named(settings.detect.detector, settings.detect) for settings in loosest]
        reach = max(reach_of(settings) for settings in loosest)
        windows: dict[str, list[Window]] = {_key(rule): [] for rule in rules}
        for block in blocks:
            self.coverage.add(block)
            known: dict[tuple[int, int], Window] = {}
            for rule in rules:
                for window in alarm_windows(block, rule, reach=reach):
                    windows[_key(rule)].append(_shared(known, window))
        self._groups = {_key(rule): _group(rule, windows[_key(rule)]) for rule in rules}

    @property
    def alarms(self) -> int:
        """Return how many alarms it keeps."""
        return sum(len(group.windows) for group in self._groups.values())

    def backtest(
        self, settings: BacktestSettings, *, begin: int = 0, end: int = NEVER
    ) -> BacktestOutcome:
        """Return what `run_backtest` returns for these settings and this period."""
        detector = detector_named(settings.detect.detector, settings.detect)
        group = self._groups[_key(detector)]
        rules = rules_of(settings)
        chosen = np.flatnonzero(_alarms(group, detector) & (group.known_at <= end))
        tracks = [_track(group, int(index), rules, end) for index in chosen]
        coverage = replace(
            self.coverage,
            begin=max(self.coverage.begin, begin),
            end=min(self.coverage.end, end),
        )
        return trade_on(tracks, settings, coverage, begin=begin)


def _key(detector: Detector) -> str:
    """Return what tells rules apart, without what only filters their alarms.

    It is text, so that another process finds the same.
    """
    if isinstance(detector, Ewma):
        return f"{detector.memory} {detector.epsilon!r} {detector.warm_up}"
    return f"{detector.name} {detector.memory}"


def _alarms(group: _Group, detector: Detector) -> BoolArray:
    if isinstance(detector, Ewma):
        return (group.strength > detector.turnover_z) & (group.jump > detector.jump)
    return np.ones(len(group.windows), dtype=np.bool_)


def _group(rule: Detector, windows: list[Window]) -> _Group:
    return _Group(
        rule,
        windows,
        np.array([window.strength for window in windows]),
        np.array([window.jump for window in windows]),
        np.array([window.known_at for window in windows], dtype=np.int64),
    )


def _shared(known: dict[tuple[int, int], Window], window: Window) -> Window:
    """Let windows of the same candle share their arrays: rules differ in the strength alone."""
    same = known.setdefault((window.segment, window.known_at), window)
    return replace(window, open_time=same.open_time, values=same.values)


def _track(group: _Group, index: int, rules: EventRules, end: int) -> Track:
    window = group.windows[index]
    cut = end if int(window.open_time[-1]) >= end else 0
    key = (rules, index, cut)
    if key not in group.tracks:
        shown = window.until(end) if cut else window
        rule = group.detector
        group.tracks[key] = Track(shown, rule.name, rules)
    return group.tracks[key]
