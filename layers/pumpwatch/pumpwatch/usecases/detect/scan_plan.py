"""The plan of a scan: the symbols whose candles it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.screen import Reading, Screened, screen
from pumpwatch.domain.detection.signals import Phase, PumpEvent
from pumpwatch.domain.market.candles import BoolArray, IntArray

from .state import DetectState


@dataclass(frozen=True, slots=True, eq=False)
class ScanPlan:
    """Rows are rows of the state. `forming` is the start of the candle that is forming now.

    `present` are those in the look, `ready` those with enough history to be judged. `chosen`
    candidates are asked for, the most pressing first; `deferred` ones are beyond the budget and
    stay unjudged. `silent` are the rows of symbols whose event goes on or cools down. Masks are
    shaped (symbols,).
    """

    forming: int
    present: BoolArray
    ready: BoolArray
    chosen: IntArray
    deferred: IntArray
    silent: IntArray


def plan_scan(
    state: DetectState, now: Reading, silent: IntArray, detector: Detector, *, budget: int
) -> ScanPlan:
    """Return the plan for a scan; `budget` is the most candidates it may ask for."""
    forming = now.time // detector.interval * detector.interval
    present = ~np.isnan(now.flow)
    unseen = np.maximum(0, (forming - state.through) // detector.interval)
    ready = (state.through > 0) & (state.carry.count + unseen >= detector.window)
    due = ready.copy()
    due[silent] = False
    if not detector.monotone:
        # No alarm before a candle has ended: what is judged up to the forming one can wait.
        due &= state.unjudged < forming
    screened = _screened(state, now, detector) if due.any() else Screened(due, np.zeros(len(due)))
    rows = np.flatnonzero((screened.candidate | ~present) & due)
    # A symbol that the look lacks is judged by its candles alone, after all others. Equals take
    # turns: those that wait longest come first.
    pressure = np.where(present, screened.pressure, -np.inf)
    rows = rows[np.lexsort((state.unjudged[rows], -pressure[rows]))]
    return ScanPlan(forming, present, ready, rows[:budget], rows[budget:], silent)


def silent_rows(
    state: DetectState, events: Mapping[str, PumpEvent], now: int, cooldown: int
) -> IntArray:
    """Return the rows of symbols whose event goes on or cools down: they cannot alarm."""
    return np.array(
        [
            state.rows[event.symbol]
            for event in events.values()
            if event.symbol in state.rows
            and (event.phase is not Phase.OVER or now < event.phase_since + cooldown)
        ],
        dtype=np.int64,
    )


def _screened(state: DetectState, now: Reading, detector: Detector) -> Screened:
    if not state.looks:
        # Nothing was seen before: no flow has a bound.
        everything = np.ones(len(state.symbols), dtype=np.bool_)
        return Screened(everything, np.nan_to_num(now.flow))
    return screen(detector, state.past, state.looks, now)
