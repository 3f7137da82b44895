"""The detect use case: one look at the whole market, and a closer one at the few symbols that could
signal.

A scan: snapshot, bursts, screen, candles and trades of the few, rule, events, signals. A run of the
minute's schedule: one scan, a slice of the history refreshed and replayed, the state saved. Scans
between two such runs are `look`; the ring of snapshots is saved by some of them.

What was judged is remembered only after the scan's signals are stored: a scan that fails half-way
is done again by the next one, and the ids of signals and events make that harmless. A warm object
whose last scan is older than `STALE` loads the state again, since another instance may have worked
meanwhile. Older looks at the market only make the screen's bounds looser, never wrong.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Callable

import numpy as np

from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.events import EventRules
from pumpwatch.domain.detection.rules import burst_rule_named
from pumpwatch.domain.moments import DAY, HOUR, MINUTE, SECOND
from pumpwatch.errors import RetryLater, SettingsError, StoreUnavailable
from pumpwatch.invocation import Tick
from pumpwatch.own.rules import OwnDetector, detector_named
from pumpwatch.ports import Clock, EventStore, HistoryStore, MarketData, SignalStore
from pumpwatch.settings.detect import DetectSettings

from .events import OpenEvents
from .fast import BurstWatch
from .history import CandleHistory
from .market_ring import MarketRing
from .market_watch import MarketWatch
from .report import DetectReport, Judgement
from .scan import Scanner
from .state import DetectState

logger = logging.getLogger(__name__)

STATE, FLOWS, RING = "detect", "detect-flows", "detect-ring"
STATE_FORMAT, RING_FORMAT = 1, 1
STALE = 90_000
"""Milliseconds between scans after which the saved state is read again."""
SCANS_IN_DOUBT = 3
"""Scans for which an unsure time that is before the state's is not gone by."""
FLOWS_EVERY = 15 * MINUTE
RING_EVERY = 15 * SECOND
JUDGED_KEPT = 50
TOLD = ("symbols", "candidates", "candidates_deferred", "candidates_unjudged", "warming_up")
"""Counts of a scan that are kept beside what it judged."""
ROUND = 0.8
"""Share of the time for which the rule has bounds: runs that fail or are skipped have room."""


class DetectPumps:
    """Detect pumps in the whole market. One object serves every run of a warm container.

    `clock` tells whether the exchange's time is sure.
    """

    def __init__(
        self,
        market: MarketData,
        history: HistoryStore,
        signals: SignalStore,
        events: EventStore,
        settings: DetectSettings,
        *,
        clock: Clock | None = None,
    ) -> None:
        try:
            self._detector = detector_named(settings.detector, settings, watched=True)
            burst_rule = burst_rule_named(
                settings.detector,
                settings.scan_interval_seconds * SECOND,
                reads_clock=settings.detector_clock == "on",
            )
        except ValueError as error:
            raise SettingsError(str(error)) from None
        self._market = market
        self._store = history
        self._settings = settings
        self._clock = clock
        rules = EventRules(cooldown=settings.cooldown_minutes * MINUTE)
        self._history = CandleHistory(market, history, self._detector)
        self._watch = MarketWatch(market, self._detector, settings)
        self._events = OpenEvents(signals, events, self._detector.name, rules)
        self._bursts = BurstWatch(burst_rule, self._detector, self._history)
        self._scanner = Scanner(
            market, self._history, self._events, self._detector, rules, self._bursts
        )
        self._state: DetectState | None = None
        self._judged: list[Judgement] = []
        self._counts: dict[str, int] = {}
        self._flows_saved = self._ring_saved = 0
        self._ring_read = False
        self._scans_ahead = 0
        self._handed_over = False

    def run(self, tick: Tick, *, handed_over: bool = False) -> DetectReport:
        """Scan, refresh a slice of the history, save: the run of the minute's schedule.

        `handed_over` says that another instance may have scanned last. Raises `RetryLater` when
        exchange or stores do not answer, `ExchangeForbidden`.
        """
        report = DetectReport()
        try:
            self._scan(report, handed_over=handed_over)
            report.tick_delay_seconds = (report.time - tick.scheduled_time) / 1000
            self._refresh_slices(report)
        finally:
            self._save()
            self._save_ring()
        return self._with_failure(report)

    def look(self, *, handed_over: bool = False) -> DetectReport:
        """Scan between two runs of the schedule. Raises what `run` raises."""
        report = DetectReport()
        self._scan(report, handed_over=handed_over)
        if self._bursts.market_ring.time >= self._ring_saved + RING_EVERY:
            self._save_ring()
        return self._with_failure(report)

    def _with_failure(self, report: DetectReport) -> DetectReport:
        if isinstance(self._detector, OwnDetector):
            report.failure, self._detector.failure = self._detector.failure, ""
        return report

    def _scan(self, report: DetectReport, *, handed_over: bool) -> None:
        """Look at the market once, and publish the signals that follow."""
        snapshot = self._market.snapshot()
        report.requests += 1
        doubt = self._clock.doubt() if self._clock is not None else ""
        if doubt:
            report.clock_doubts += 1
            logger.warning("the exchange's time is not sure", extra={"reason": doubt})
        # Stays until the saved state could be read.
        self._handed_over |= handed_over
        state = self._current_state(snapshot.time)
        self._take_ring()
        self._watch.update(state, snapshot, report)
        report.time = snapshot.time
        report.skipped = sum(map(self._settings.symbol_choice.takes, snapshot.skipped))
        report.bad_candles += report.skipped
        now = self._watch.rows(state, snapshot)
        ahead = state.last is not None and snapshot.time < state.last.time - STALE
        self._scans_ahead = self._scans_ahead + 1 if ahead else 0
        if ahead and (not doubt or self._scans_ahead > SCANS_IN_DOUBT):
            logger.warning("the state is another clock's: judging begins anew")
            self._scanner.begin(state, now.reading)
            return
        self._scanner.scan(state, now, report, budget=self._settings.max_candidates)
        latest = {(each.symbol, each.what): each for each in (*self._judged, *report.judged)}
        self._judged = sorted(latest.values(), key=lambda each: each.time)[-JUDGED_KEPT:]
        self._counts = {name: getattr(report, name) for name in TOLD}

    def backfill(self, progress: Callable[[int, int], None] | None = None) -> DetectReport:
        """Fetch the history of every slice that lacks it; call `progress(done, slices)` after each.

        Signals nothing: judging begins with the candle after the last look at the market.
        """
        report = DetectReport()
        snapshot = self._market.snapshot()
        state = self._current_state(snapshot.time)
        report.requests += 1
        self._watch.update(state, snapshot, report)
        numbers = sorted(set(state.slice_of.tolist()))
        for done, number in enumerate(numbers, start=1):
            now = self._market.time()
            report.requests += 1
            oldest = state.through[state.slice_rows(number)].min()
            if oldest < now - HOUR - self._detector.interval:
                answers = self._history.fetch(state, [number], now)
                self._history.refresh(state, number, now, answers, report)
            if progress is not None:
                progress(done, len(numbers))
        snapshot = self._market.snapshot()
        report.requests += 1
        report.time = snapshot.time
        self._scanner.begin(state, self._watch.rows(state, snapshot).reading)
        self._save()
        return report

    def _refresh_slices(self, report: DetectReport) -> None:
        try:
            self._refresh_next(report)
        except RetryLater as error:
            # The scan's signals are out by now: the history waits for the next run.
            logger.warning("history was not refreshed", extra={"reason": str(error)})

    def _refresh_next(self, report: DetectReport) -> None:
        """Refresh the slices that waited longest; while some were never asked for, more of them."""
        state = self._current_state(report.time)
        budget = self._settings.max_candidates - report.candidates
        numbers = sorted(set(state.slice_of.tolist()), key=lambda n: (state.refreshed.get(n, 0), n))
        due = slices_due(len(numbers), self._detector)
        groups = [numbers[:due], *([number] for number in numbers[due:])]
        for position, group in enumerate(groups):
            if position and (group[0] in state.refreshed or budget <= 0):
                return
            before = report.requests
            reached = list(self._history.slices(group))
            # The others wait for their next turn.
            state.refreshed |= dict.fromkeys(set(group) - set(reached), report.time)
            answers = self._history.fetch(state, reached, report.time)
            for number in reached:
                self._scanner.refresh(state, number, report.time, answers, report)
            budget -= report.requests - before

    def _current_state(self, now: int) -> DetectState:
        warm = self._state
        fresh = warm is not None and (warm.last is None or now <= warm.last.time + STALE)
        if warm is not None and fresh and not self._handed_over:
            return warm
        self._events.forget()
        self._ring_read = False
        try:
            saved = self._load()
        except StoreUnavailable:
            if warm is None:
                raise
            logger.warning("saved state was not read, the state in memory is used")
            return warm
        self._handed_over = False
        if warm is None:
            warm = saved or DetectState.empty(self._detector, self._fingerprint)
        elif saved is not None and _is_later(saved, warm):
            warm = saved
            self._history.forget()
        self._state = warm
        return warm

    @property
    def _fingerprint(self) -> str:
        per_slice = self._settings.refresh_symbols
        return f"{STATE_FORMAT} {self._detector.memory} {self._detector.history} {per_slice}"

    def _load(self) -> DetectState | None:
        arrays = self._store.load_state(STATE)
        if arrays is None:
            return None
        state = DetectState.from_arrays(arrays, self._fingerprint, self._detector)
        if state is None:
            logger.warning("saved state does not fit the settings or is damaged: it is rebuilt")
            return None
        state.take_flows(self._store.load_state(FLOWS) or {})
        return state

    def _take_ring(self) -> None:
        """Read the saved ring whenever the state was read; the newer one stays."""
        if self._bursts.rule is None or self._ring_read:
            return
        try:
            arrays = self._store.load_state(RING)
        except StoreUnavailable as error:
            logger.warning("ring of snapshots was not read", extra={"reason": str(error)})
            return
        self._ring_read = True
        if arrays is None:
            return
        saved = MarketRing.from_arrays(arrays, self._ring_fingerprint)
        if saved is None:
            logger.warning("saved ring does not fit the settings or is damaged: it is rebuilt")
        elif saved.time > self._bursts.market_ring.time:
            self._bursts.market_ring = saved

    def _save_ring(self) -> None:
        """Save the ring, unless the rule has none, and beside it what was judged: JSON in bytes."""
        ring, told = self._bursts.market_ring, {"judged": self._judged, "counts": self._counts}
        if self._bursts.rule is not None and not ring.time:
            return  # the saved one was not read yet
        arrays = ring.to_arrays(self._ring_fingerprint) if ring.time else {}
        arrays["judged"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        try:
            self._store.save_state(RING, arrays)
            self._ring_saved = ring.time
        except StoreUnavailable as error:
            logger.warning("ring of snapshots was not saved", extra={"reason": str(error)})

    @property
    def _ring_fingerprint(self) -> str:
        return f"{RING_FORMAT} {self._settings.scan_interval_seconds}"

    def _save(self) -> None:
        if self._state is None:
            return
        try:
            self._store.save_state(STATE, self._state.to_arrays())
            now = self._state.last.time if self._state.last is not None else 0
            if now >= self._flows_saved + FLOWS_EVERY:
                self._store.save_state(FLOWS, self._state.flow_arrays())
                self._flows_saved = now
        except StoreUnavailable as error:
            logger.warning("state was not saved", extra={"reason": str(error)})


def slices_due(slices: int, detector: Detector) -> int:
    """Return how many slices a run refreshes, so that none waits for too long.

    A symbol whose history is older than the rule has bounds for is a candidate of every scan until
    it is refreshed. With a run a minute, all slices have their turn within `ROUND` of that time.
    """
    reach = min(detector.unseen_limit * detector.interval, DAY)
    return max(1, math.ceil(slices / (ROUND * reach / MINUTE)))


def _is_later(state: DetectState, other: DetectState) -> bool:
    return state.last is not None and (other.last is None or state.last.time > other.last.time)
