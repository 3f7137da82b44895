"""One scan of the market and one refresh of the history, on the state that both share."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from pumpwatch.domain.detection.base import Carry, Detector, known_before
from pumpwatch.domain.detection.events import Alarm, EventRules, Price, alarms_of_candles
from pumpwatch.domain.detection.screen import Reading
from pumpwatch.domain.market.candles import BoolArray, Candles, CandleSeries, IntArray
from pumpwatch.ports import MarketData

from .answers import Answers, CandleAnswers, ask, good_answers
from .events import OpenEvents
from .fast import BurstWatch
from .history import CandleHistory, request_count
from .market_ring import MarketRing
from .market_watch import SnapshotRows
from .report import DetectReport, Judgement, verdict_words
from .scan_plan import ScanPlan, plan_scan, silent_rows
from .state import DetectState, JudgedSpan
from .trade_reader import TradeReader, count_scored

logger = logging.getLogger(__name__)


class Scanner:
    """Judges bursts and candles in a scan, and in a refresh the candles of one slice."""

    def __init__(
        self,
        market: MarketData,
        history: CandleHistory,
        events: OpenEvents,
        detector: Detector,
        rules: EventRules,
        bursts: BurstWatch,
    ) -> None:
        self._market = market
        self._history = history
        self._events = events
        self._detector = detector
        self._rules = rules
        self._bursts = bursts
        self._trades = TradeReader(market, detector, alarm_age=rules.alarm_age)

    def scan(
        self, state: DetectState, now: SnapshotRows, report: DetectReport, *, budget: int
    ) -> None:
        """Judge bursts, and every candle that is not judged yet as far as the budget goes."""
        if state.last is not None and now.time < state.last.time:
            back = "the exchange's time went back: nothing is judged"
            logger.warning(back, extra={"time": now.time})
            return
        events = self._events.load(now.time)
        silent = silent_rows(state, events, now.time, self._rules.cooldown)
        plan = plan_scan(state, now.reading, silent, self._detector, budget=budget)
        looks = self._bursts.see(state, now, silent, report)
        answers = self._ask(state, plan, looks, report)
        series = good_answers(answers.candles, report, "symbol skipped")
        report.bad_candles += sum(candles.impossible for candles in series.values())
        report.skipped += len(answers.candles) - len(series)
        fast = self._bursts.judge(state, looks, answers, series, report)
        alarms = {alarm.symbol: [alarm] for alarm in fast}
        judged = self._judge_candidates(state, plan, series, now.time, alarms, report)
        self._move_events(state, now, alarms, report)
        self._remember(state, plan, judged, now.reading)
        report.symbols = int(plan.present.sum())
        report.warming_up = int((plan.present & ~plan.ready).sum())
        report.candidates = len(plan.chosen) + len(plan.deferred)
        report.candidates_deferred = len(plan.deferred)
        report.candidates_unjudged = len(plan.chosen) - len(judged)
        self._events.describe(report)

    def _ask(
        self, state: DetectState, plan: ScanPlan, looks: IntArray, report: DetectReport
    ) -> Answers:
        interval = self._detector.interval
        requests = state.lacking(plan.chosen, interval, plan.forming)
        # A look needs the minutes that have ended, and most symbols have them.
        alone = looks[~np.isin(looks, plan.chosen)]
        requests += state.lacking(alone, interval, plan.forming - interval)
        traded = [state.symbols[row] for row in looks]
        report.requests += request_count(requests) + len(traded)
        return ask(self._market, requests, traded)

    def refresh(
        self,
        state: DetectState,
        number: int,
        now: int,
        answers: CandleAnswers,
        report: DetectReport,
    ) -> None:
        """Add what was fetched to a slice, judge what is new, count what the screen missed."""
        done = self._history.refresh(state, number, now, answers, report)
        live = self._live(done.candles, done.start)
        opens = done.candles.open_time
        for position, row in enumerate(done.rows):
            symbol = state.symbols[row]
            possible = done.detections.possible[position] & live[position]
            new = opens >= state.unjudged[row]
            count_scored(done.detections, position, live[position] & new, report)
            for time in opens[possible & ~new & (opens >= done.previous[position])]:
                if time >= state.answered[row] and not _was_judged(state, symbol, int(time)):
                    report.screen_missed += 1
                    facts = {"symbol": symbol, "candle": int(time)}
                    logger.error("screen missed a candle", extra=facts)
            fresh = live[position] & new
            # Trades are not asked for here, and what was judged with them stays judged.
            fresh &= ~self._bursts.covers(state, row, opens)
            alarms = alarms_of_candles(
                done.candles, done.start, done.detections, position, fresh, now
            )
            if alarms and symbol not in self._events.by_symbol:
                self._events.judge(symbol, alarms, None, now, report)
            state.unjudged[row] = max(state.unjudged[row], done.through[position])
            if not done.previous[position]:
                state.answered[row] = state.unjudged[row]
        state.forget_judged()
        self._events.describe(report)

    def begin(self, state: DetectState, now: Reading) -> None:
        """Let judging begin with the candle after the one that is forming at this look."""
        self._bursts.market_ring = MarketRing()
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
        alarms: dict[str, list[Alarm]],
        report: DetectReport,
    ) -> dict[int, int]:
        """Return, by row, the start of the first candle that is not judged in its final form.

        What alarms is added to `alarms`.
        """
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
            symbol = state.symbols[row]
            if not readable[position]:
                logger.warning("history is rebuilt", extra={"symbol": symbol})
                state.through[row] = 0
                state.refreshed.pop(int(state.slice_of[row]), None)
                continue
            counts = unjudged[position].copy()
            if not self._detector.monotone:
                counts[-1] &= not forming[position]
            if detections.traded is not None:
                # With its trades known, a minute is the fast rule's, wherever that saw all of it.
                covered = self._bursts.covers(state, int(row), candles.open_time)
                counts &= ~(covered & detections.traded[position])
            strength, jump = detections.strength[position, -1], detections.jump[position, -1]
            alarmed = bool((detections.alarm[position] & counts).any())
            why = "a pump" if alarmed else "too little for the rule"
            verdict = verdict_words(strength, jump, why)
            report.judged.append(Judgement(symbol, now, "candle", verdict, alarmed))
            alarms.setdefault(symbol, []).extend(
                alarms_of_candles(candles, start, detections, position, counts, now)
            )
            judged[int(row)] = min(plan.forming, _end_of(series[symbol], int(state.unjudged[row])))
        return judged

    def _move_events(
        self,
        state: DetectState,
        now: SnapshotRows,
        alarms: Mapping[str, list[Alarm]],
        report: DetectReport,
    ) -> None:
        """Start events and move them on: by the last price, and the day's high where that rose."""
        alarmed = [symbol for symbol, some in alarms.items() if some]
        for symbol in dict.fromkeys([*self._events.by_symbol, *alarmed]):
            row, price = state.rows.get(symbol), None
            if row is None and not np.isnan(last := now.last_unwatched(symbol)):
                # Its event goes on to its end.
                price = Price(last)
            elif row is not None and not np.isnan(now.last[row]):
                high = now.reading.high[row]
                rose = state.last is not None and high > state.last.high[row]
                price = Price(float(now.last[row]), float(high) if rose else float("nan"))
            self._events.judge(symbol, alarms.get(symbol, ()), price, now.time, report)

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


def _end_of(series: CandleSeries, otherwise: int) -> int:
    closed: IntArray = series.closed.open_time
    return int(closed[-1]) + series.interval if len(closed) else otherwise


def _was_judged(state: DetectState, symbol: str, candle: int) -> bool:
    return any(span.symbol == symbol and span.begin <= candle < span.end for span in state.judged)
