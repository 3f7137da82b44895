"""The plan of a scan: the symbols whose candles it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.screen import Reading, Screened, screen
from pumpwatch.domain.detection.signals import Phase, PumpEvent
from pumpwatch.domain.market.candles import BoolArray, CandleRequest, IntArray

from .state import DetectState

MOST_FOLLOWED = 200
"""Open events whose candles a scan asks for, beside the candidates' budget."""


@dataclass(frozen=True, slots=True, eq=False)
class ScanPlan:
    """Rows are rows of the state. `forming` is the start of the candle that is forming now.

    `present` are those in the look, `ready` those with enough history to be judged. `chosen`
    candidates are asked for, the most pressing first; `deferred` ones are beyond the budget and
    stay unjudged. `following` are events that are not over, `waiting` counts those beyond their own
    budget; `silent` are the rows of symbols whose event goes on or cools down. Masks are shaped
    (symbols,).
    """

    forming: int
    present: BoolArray
    ready: BoolArray
    chosen: IntArray
    deferred: IntArray
    following: tuple[PumpEvent, ...]
    waiting: int
    silent: IntArray

    def requests(self, state: DetectState, interval: int) -> list[CandleRequest]:
        """Return what to ask for: the gap since the history, or everything since an alarm."""
        wanted = [
            CandleRequest(state.symbols[row], interval, int(state.through[row]), self.forming)
            for row in self.chosen
        ]
        return wanted + [
            CandleRequest(event.symbol, interval, event.alarm_candle, self.forming)
            for event in self.following
        ]


def plan_scan(
    state: DetectState,
    now: Reading,
    events: Mapping[str, PumpEvent],
    detector: Detector,
    *,
    budget: int,
    cooldown: int,
) -> ScanPlan:
    """Return the plan for a scan; `budget` is the most candidates it may ask for."""
    forming = now.time // detector.interval * detector.interval
    present = ~np.isnan(now.flow)
    unseen = np.maximum(0, (forming - state.through) // detector.interval)
    ready = (state.through > 0) & (state.carry.count + unseen >= detector.window)
    going_on = [
        event
        for event in events.values()
        if event.phase is not Phase.OVER and event.symbol in state.rows
    ]
    # Those beyond the most that are followed have their turn in the next scans.
    turn = forming // detector.interval * MOST_FOLLOWED % max(1, len(going_on))
    following = tuple([*going_on[turn:], *going_on[:turn]][:MOST_FOLLOWED])
    silent = np.array(
        [
            state.rows[event.symbol]
            for event in events.values()
            if event.symbol in state.rows
            and (event.phase is not Phase.OVER or now.time < event.phase_since + cooldown)
        ],
        dtype=np.int64,
    )
    screened = _screened(state, now, detector)
    candidate = (screened.candidate | ~present) & ready
    candidate[silent] = False
    rows = np.flatnonzero(candidate)
    # A symbol that the look lacks is judged by its candles alone, after all others. Equals take
    # turns: those that wait longest come first.
    pressure = np.where(present, screened.pressure, -np.inf)
    rows = rows[np.lexsort((state.unjudged[rows], -pressure[rows]))]
    waiting = len(going_on) - len(following)
    chosen, deferred = rows[:budget], rows[budget:]
    return ScanPlan(forming, present, ready, chosen, deferred, following, waiting, silent)


def _screened(state: DetectState, now: Reading, detector: Detector) -> Screened:
    if not state.looks:
        # Nothing was seen before: no flow has a bound.
        everything = np.ones(len(state.symbols), dtype=np.bool_)
        return Screened(everything, np.nan_to_num(now.flow))
    return screen(detector, state.past, state.looks, now)
