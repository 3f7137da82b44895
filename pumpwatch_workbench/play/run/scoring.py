"""Judge the events of a run by the rules that labelled pumps are scored by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from pumpwatch.domain.detection.signals import Signal
from pumpwatch_workbench.pages.event_rows import DetectedEvent, PlantedPump, Verdict
from pumpwatch_workbench.research.evaluation.scores import (
    HIT_AFTER,
    HIT_BEFORE,
    IGNORED_AFTER,
    IGNORED_BEFORE,
)


def judge(
    signals: Iterable[Signal],
    planted: Sequence[PlantedPump],
    known: Iterable[tuple[str, int]] = (),
) -> tuple[DetectedEvent, ...]:
    """Return one event per event id, in order of its alarm, with its verdict.

    Each planted pump has at most one hit: the first alarm in (onset - 60 s, onset + 300 s]. Without
    a hit, an alarm in the hour before is early. Alarms from 1 h before to 6 h after an onset of the
    same symbol are otherwise ignored; every other one is false. `known` are further labelled onsets
    (symbol, milliseconds UTC) near which alarms are ignored and which cannot be hit.
    """
    spans = [*known, *((pump.symbol, pump.onset) for pump in planted)]
    by_event: dict[str, list[Signal]] = defaultdict(list)
    for signal in signals:
        by_event[signal.event_id].append(signal)
    groups = sorted(by_event.values(), key=lambda group: min(signal.time for signal in group))
    hit: set[PlantedPump] = set()
    events = [_judge_one(group, planted, spans, hit) for group in groups]
    return tuple(_without_early(event, hit) for event in events)


def _judge_one(
    group: Sequence[Signal],
    planted: Sequence[PlantedPump],
    spans: Sequence[tuple[str, int]],
    hit: set[PlantedPump],
) -> DetectedEvent:
    alarm = min(signal.time for signal in group)
    symbol = group[0].symbol
    near = [pump for pump in planted if _is_near(pump.onset, alarm) and pump.symbol == symbol]
    for pump in near:
        if pump not in hit and pump.onset - HIT_BEFORE < alarm <= pump.onset + HIT_AFTER:
            hit.add(pump)
            return DetectedEvent.from_signals(group, Verdict.HIT, pump.onset)
    for pump in near:
        if alarm <= pump.onset - HIT_BEFORE:
            return DetectedEvent.from_signals(group, Verdict.EARLY, pump.onset)
    ignored = any(_is_near(onset, alarm) and name == symbol for name, onset in spans)
    return DetectedEvent.from_signals(group, Verdict.IGNORED if ignored else Verdict.FALSE)


def _is_near(onset: int, alarm: int) -> bool:
    return onset - IGNORED_BEFORE <= alarm <= onset + IGNORED_AFTER


def _without_early(event: DetectedEvent, hit: set[PlantedPump]) -> DetectedEvent:
    """An early alarm of a pump that was hit later on is only ignored."""
    was_hit = any(pump.symbol == event.symbol and pump.onset == event.onset for pump in hit)
    if event.verdict is Verdict.EARLY and was_hit:
        return DetectedEvent.from_signals(event.signals, Verdict.IGNORED)
    return event
