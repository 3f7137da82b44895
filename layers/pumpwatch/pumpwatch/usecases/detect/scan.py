"""One scan of the market and one refresh of the history, on the state that both share."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from pumpwatch.domain.detection.base import Carry, Detections, Detector, known_before
from pumpwatch.domain.detection.events import EventRules, SymbolView
from pumpwatch.domain.detection.screen import Reading
from pumpwatch.domain.market.candles import BoolArray, Candles, CandleSeries, IntArray
from pumpwatch.ports import MarketData

from .answers import good_answers
from .events import OpenEvents
from .history import Answers, CandleHistory, request_count
from .report import DetectReport
from .scan_plan import ScanPlan, plan_scan
from .state import DetectState, JudgedSpan
from .trade_reader import TradeReader, count_scored

logger = logging.getLogger(__name__)


class Scanner:
    """Judges candles: in a scan those of the candidates, in a refresh those of one slice."""

    def __init__(
        self,
        market: MarketData,
        history: CandleHistory,
        events: OpenEvents,
        detector: Detector,
        rules: EventRules,
    ) -> None:
        self._market = market
        self._history = history
        self._events = events
        self._detector = detector
        self._rules = rules
        self._trades = TradeReader(market, detector, alarm_age=rules.alarm_age)

    def scan(self, state: DetectState, now: Reading, report: DetectReport, *, budget: int) -> None:
        """Judge every candle that is not judged yet, as far as the budget of symbols goes."""
        if state.last is not None and now.time < state.last.time:
            back = "the exchange's time went back: nothing is judged"
            logger.warning(back, extra={"time": now.time})
            return
        plan = plan_scan(
            state,
            now,
            self._events.load(),
            self._detector,
            budget=budget,
            cooldown=self._rules.cooldown,
        )
        requests = plan.requests(state, self._detector.interval)
        answers = self._market.candles(requests) if requests else {}
        series = good_answers(answers, report, "symbol skipped")
        report.bad_candles += sum(candles.impossible for candles in series.values())
        judged = self._judge_candidates(state, plan, series, now.time, report)
        self._follow_events(plan, series, now.time, report)
        self._remember(state, plan, judged, now)
        report.requests += request_count(requests)
        report.symbols = int(plan.present.sum())
        report.skipped += len(answers) - len(series)
        report.warming_up = int((plan.present & ~plan.ready).sum())
        report.candidates = len(requests) + len(plan.deferred) + plan.waiting
        report.candidates_deferred = len(plan.deferred) + plan.waiting
        report.candidates_unjudged = len(plan.chosen) - len(judged)
        self._events.describe(report)

    def refresh(
        self, state: DetectState, number: int, now: int, answers: Answers, report: DetectReport
    ) -> None:
        """Add what was fetched to a slice, judge what is new, count what the screen missed."""
        done = self._history.refresh(state, number, now, answers, report)
        live = self._live(done.candles, done.start)
        opens = done.candles.open_time
        for position, row in enumerate(done.rows):
            symbol = state.symbols[row]
            possible = _possible(done.detections)[position] & live[position]
            new = opens >= state.unjudged[row]
            count_scored(done.detections, position, live[position] & new, report)
            for time in opens[possible & ~new & (opens >= done.previous[position])]:
                if time >= state.answered[row] and not _was_judged(state, symbol, int(time)):
                    report.screen_missed += 1
                    facts = {"symbol": symbol, "candle": int(time)}
                    logger.error("screen missed a candle", extra=facts)
            alarms = done.detections.alarm[position] & live[position] & new
            if alarms.any() and symbol not in self._events.by_symbol:
                view = SymbolView.of_row(
                    done.candles, done.start, done.detections, position, alarms, forming=False
                )
                self._events.judge(view, now, report)
            state.unjudged[row] = max(state.unjudged[row], done.through[position])
            if not done.previous[position]:
                state.answered[row] = state.unjudged[row]
        state.forget_judged()
        self._events.describe(report)

    def begin(self, state: DetectState, now: Reading) -> None:
        """Let judging begin with the candle after the one that is forming at this look."""
        interval = self._detector.interval
        state.instruments_time = min(state.instruments_time, now.time)
        state.refreshed = {number: min(time, now.time) for number, time in state.refreshed.items()}
        state.judged.clear()
        state.unjudged[:] = (now.time // interval + 1) * interval
        state.answered[:] = state.unjudged
        state.looked(now, interval)

    def _live(self, candles: Candles, start: Carry) -> BoolArray:
        live: BoolArray = known_before(candles, start) >= self._detector.window
        return live

    def _judge_candidates(
        self,
        state: DetectState,
        plan: ScanPlan,
        series: Mapping[str, CandleSeries],
        now: int,
        report: DetectReport,
    ) -> dict[int, int]:
        """Return, by row, the start of the first candle that is not judged in its final form."""
        rows = np.array(
            [row for row in plan.chosen if state.symbols[row] in series], dtype=np.int64
        )
        if not len(rows):
            return {}
        rows, candles, start, readable = self._history.window(state, rows, series, now)
        if not len(rows):
            return {}
        forming = np.array([_forms(series[state.symbols[row]], plan.forming) for row in rows])
        unjudged = self._live(candles, start) & (candles.open_time >= state.unjudged[rows, None])
        final = unjudged & readable[:, None]
        final[:, -1] &= ~forming
        detections = self._trades.judged(candles, start, final, now, report)
        judged: dict[int, int] = {}
        for position, row in enumerate(rows):
            if not readable[position]:
                logger.warning("history is rebuilt", extra={"symbol": state.symbols[row]})
                state.through[row] = 0
                state.refreshed.pop(int(state.slice_of[row]), None)
                continue
            alarms = unjudged[position].copy()
            if forming[position] and not self._detector.monotone:
                alarms[-1] &= detections.firm is not None and detections.firm[position, -1]
            is_forming = bool(forming[position])
            view = SymbolView.of_row(
                candles, start, detections, position, alarms, forming=is_forming
            )
            self._events.judge(view, now, report)
            end = _end_of(series[state.symbols[row]], int(state.unjudged[row]))
            judged[int(row)] = min(plan.forming, end)
        return judged

    def _follow_events(
        self, plan: ScanPlan, series: Mapping[str, CandleSeries], now: int, report: DetectReport
    ) -> None:
        """Move the events on; one without candles, and one that has cooled down, only by time."""
        watched = {event.symbol for event in plan.following}
        for symbol in list(self._events.by_symbol):
            if symbol not in series:
                view = SymbolView.without_candles(symbol, self._detector.interval)
            elif symbol in watched:
                view = SymbolView.following(series[symbol])
            else:
                continue
            self._events.judge(view, now, report)

    def _remember(
        self, state: DetectState, plan: ScanPlan, judged: Mapping[int, int], now: Reading
    ) -> None:
        before = state.unjudged.copy()
        # A symbol without any history is judged when its first candles arrive.
        seen = plan.present & (state.through > 0)
        state.unjudged[seen] = np.maximum(before[seen], plan.forming)
        state.unjudged[plan.deferred] = before[plan.deferred]
        for row in plan.chosen:
            state.unjudged[row] = judged.get(int(row), int(before[row]))
        for row in np.concatenate([plan.silent, plan.chosen]):
            begin, end = int(before[row]), int(state.unjudged[row])
            if begin < end:
                state.judged.append(JudgedSpan(state.symbols[row], begin, end))
        state.looked(now, self._detector.interval)


def _forms(series: CandleSeries, candle: int) -> bool:
    return series.forming and int(series.open_time[-1]) == candle


def _possible(detections: Detections) -> BoolArray:
    """Return where the rule alarmed, or could have if it had known the market's trades.

    A replay of the history does not know them, so every candle that a score judged counts.
    """
    return detections.alarm if detections.scored is None else detections.alarm | detections.scored


def _end_of(series: CandleSeries, otherwise: int) -> int:
    closed: IntArray = series.closed.open_time
    return int(closed[-1]) + series.interval if len(closed) else otherwise


def _was_judged(state: DetectState, symbol: str, candle: int) -> bool:
    return any(span.symbol == symbol and span.begin <= candle < span.end for span in state.judged)
