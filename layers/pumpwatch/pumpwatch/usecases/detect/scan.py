"""One scan of the market and one refresh of the history, on the state that both share."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from pumpwatch.domain.detection.base import Carry, Detections, Detector, known_before
from pumpwatch.domain.detection.events import EventRules
from pumpwatch.domain.detection.screen import Reading
from pumpwatch.domain.market.candles import BoolArray, Candles, CandleSeries, IntArray
from pumpwatch.errors import PumpwatchError, RetryLater, StopTrading
from pumpwatch.ports import MarketData

from .events import EventDesk, view_of_events_symbol, view_of_nothing, view_of_row
from .history import Answers, CandleHistory, Refreshed, request_count
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
        desk: EventDesk,
        detector: Detector,
        rules: EventRules,
    ) -> None:
        self._market = market
        self._history = history
        self._desk = desk
        self._detector = detector
        self._rules = rules
        self._trades = TradeReader(market, detector, alarm_age=rules.alarm_age)

    def scan(self, state: DetectState, now: Reading, report: DetectReport, *, budget: int) -> None:
        """Judge every candle that is not judged yet, as far as the budget of symbols goes."""
        if state.last is not None and now.time < state.last.time:
            logger.warning(
                "the exchange's time went back: nothing is judged", extra={"time": now.time}
            )
            return
        plan = plan_scan(
            state,
            now,
            self._desk.load(),
            self._detector,
            budget=budget,
            cooldown=self._rules.cooldown,
        )
        requests = plan.requests(state, self._detector.interval)
        answers = self._market.candles(requests) if requests else {}
        series, failed = self._usable(answers, report)
        judged = self._judge_candidates(state, plan, series, now.time, report)
        self._follow_events(plan, series, now.time, report)
        self._remember(state, plan, judged, now)
        report.requests += request_count(requests)
        report.symbols = int(plan.present.sum())
        report.skipped += failed
        report.warming_up = int((plan.present & ~plan.ready).sum())
        report.candidates = len(requests) + len(plan.deferred) + plan.waiting
        report.candidates_deferred = len(plan.deferred) + plan.waiting
        report.candidates_unjudged = len(plan.chosen) - len(judged)
        report.events_open = self._desk.open_events
        report.events = list(self._desk.events.values())

    def fetch(self, state: DetectState, numbers: Sequence[int], now: int) -> Answers:
        """Return what the slices lack: one round of requests for all of them."""
        return self._history.fetch(state, numbers, now)

    def refresh(
        self, state: DetectState, number: int, now: int, answers: Answers, report: DetectReport
    ) -> None:
        """Add what was fetched to a slice, judge what is new, count what the screen missed."""
        done = self._filled(state, number, now, answers, report)
        live = self._live(done.candles, done.start)
        opens = done.candles.open_time
        for position, row in enumerate(done.rows):
            symbol = state.symbols[row]
            alarms = done.detections.alarm[position] & live[position]
            possible = _possible(done.detections)[position] & live[position]
            new = opens >= state.unjudged[row]
            count_scored(done.detections, position, live[position] & new, report)
            for time in opens[possible & ~new & (opens >= done.previous[position])]:
                if time >= state.answered[row] and not _was_judged(state, symbol, int(time)):
                    report.screen_missed += 1
                    report.missed.append((symbol, int(time)))
                    logger.error(
                        "screen missed a candle", extra={"symbol": symbol, "candle": int(time)}
                    )
            if (alarms & new).any() and symbol not in self._desk.events:
                view = view_of_row(
                    done.candles,
                    done.detections,
                    position,
                    live[position] & new,
                    forming=False,
                    close_before=float(done.start.close[position]),
                )
                self._desk.judge(view, now, report)
            state.unjudged[row] = max(state.unjudged[row], done.through[position])
            if not done.previous[position]:
                state.answered[row] = state.unjudged[row]
        state.forget_judged()
        report.events_open = self._desk.open_events
        report.events = list(self._desk.events.values())

    def fill(self, state: DetectState, number: int, now: int, report: DetectReport) -> None:
        """Refresh a slice without judging it."""
        self._filled(state, number, now, self.fetch(state, [number], now), report)

    def begin(self, state: DetectState, now: Reading) -> None:
        """Let judging begin with the candle after the one that is forming at this look."""
        interval = self._detector.interval
        state.instruments_time = min(state.instruments_time, now.time)
        state.refreshed = {one: min(time, now.time) for one, time in state.refreshed.items()}
        state.judged.clear()
        state.unjudged[:] = (now.time // interval + 1) * interval
        state.answered[:] = state.unjudged
        state.looked(now, interval)

    # --- inside --------------------------------------------------------------------------

    def _filled(
        self, state: DetectState, number: int, now: int, answers: Answers, report: DetectReport
    ) -> Refreshed:
        done = self._history.refresh(state, number, now, answers)
        report.requests += done.requests
        report.bad_candles += done.bad
        report.refreshed += len(done.rows)
        return done

    def _live(self, candles: Candles, start: Carry) -> BoolArray:
        """Return where enough history precedes a candle for a signal."""
        live: BoolArray = known_before(candles, start) >= self._detector.window
        return live

    def _usable(
        self, answers: Mapping[str, CandleSeries | PumpwatchError], report: DetectReport
    ) -> tuple[dict[str, CandleSeries], int]:
        """Return the series by symbol, and how many symbols have none."""
        usable: dict[str, CandleSeries] = {}
        for symbol, answer in answers.items():
            if isinstance(answer, CandleSeries):
                report.bad_candles += answer.impossible
                usable[symbol] = answer
                continue
            if isinstance(answer, StopTrading):
                raise answer
            report.bad_candles += not isinstance(answer, RetryLater)
            logger.warning("symbol skipped", extra={"symbol": symbol, "reason": str(answer)})
        return usable, len(answers) - len(usable)

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
        found = self._trades.judged(candles, start, final, now, report)
        judged: dict[int, int] = {}
        for position, row in enumerate(rows):
            if not readable[position]:
                logger.warning("history is rebuilt", extra={"symbol": state.symbols[row]})
                state.through[row] = 0
                state.refreshed.pop(int(state.slice_of[row]), None)
                continue
            alarms = unjudged[position].copy()
            if forming[position] and not self._detector.monotone:
                alarms[-1] &= found.firm is not None and found.firm[position, -1]
            view = view_of_row(
                candles,
                found,
                position,
                alarms,
                forming=bool(forming[position]),
                close_before=float(start.close[position]),
            )
            self._desk.judge(view, now, report)
            end = _end_of(series[state.symbols[row]], int(state.unjudged[row]))
            judged[int(row)] = min(plan.forming, end)
        return judged

    def _follow_events(
        self, plan: ScanPlan, series: Mapping[str, CandleSeries], now: int, report: DetectReport
    ) -> None:
        """Move the events on; one without candles, and one that has cooled down, only by time."""
        watched = {event.symbol for event in plan.following}
        for symbol in list(self._desk.events):
            if symbol in watched and symbol in series:
                self._desk.judge(view_of_events_symbol(series[symbol]), now, report)
            elif symbol not in series:
                self._desk.judge(view_of_nothing(symbol, self._detector.interval), now, report)

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
    """Return whether the candle is there and still forming."""
    return series.forming and int(series.open_time[-1]) == candle


def _possible(found: Detections) -> BoolArray:
    """Return where the rule alarmed, or could have if it had known the market's trades.

    A replay of the history does not know them, so every candle that a score judged counts.
    """
    return found.alarm if found.scored is None else found.alarm | found.scored


def _end_of(series: CandleSeries, otherwise: int) -> int:
    """Return the end of the last closed candle."""
    closed: IntArray = series.closed.open_time
    return int(closed[-1]) + series.interval if len(closed) else otherwise


def _was_judged(state: DetectState, symbol: str, candle: int) -> bool:
    return any(span.symbol == symbol and span.begin <= candle < span.end for span in state.judged)
