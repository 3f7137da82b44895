"""The fast judgement: which symbols burst at a scan, and what a closer look at them says.

A look needs the symbol's minutes of a day and its recent trades; both are asked for in the scan's
one round of requests. A burst that could not be looked at, because too many burst at once or
something did not come, is left to the judgement of the minute's closed candle.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.burst_rule import BurstRule, Verdict
from pumpwatch.domain.detection.bursts import (
    CALM,
    NEEDED,
    RECENT,
    Look,
    UsualMinute,
    bursts,
    day_before,
    least_usual,
    moves_at_once,
    strongest,
)
from pumpwatch.domain.detection.events import Alarm
from pumpwatch.domain.detection.screen import Past
from pumpwatch.domain.market.candles import BoolArray, CandleSeries, IntArray
from pumpwatch.domain.moments import MINUTE

from .answers import Answers, good_answers
from .history import CandleHistory
from .market_ring import MarketRing
from .market_watch import SnapshotRows
from .report import DetectReport, Judgement, verdict_words
from .state import DetectState

logger = logging.getLogger(__name__)

MOST_LOOKS = 20
MISSED_SCANS = 2
"""Scan intervals between two snapshots from which on a burst may have passed unseen."""


@dataclass(slots=True, eq=False)
class BurstWatch:
    """Looks at the bursts of each scan. `market_ring` is what the scans before have seen.

    Without a rule there are none to look at.
    """

    rule: BurstRule | None
    detector: Detector
    history: CandleHistory
    market_ring: MarketRing = field(default_factory=MarketRing)
    _since: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    """`judged_since` if no look of this scan alarms."""
    _moved: int = 0
    """When the whole market last moved, milliseconds UTC."""

    def see(
        self, state: DetectState, now: SnapshotRows, silent: IntArray, report: DetectReport
    ) -> IntArray:
        """Add a snapshot to the ring and return the rows of the state to look at, strongest first.

        Symbols in `silent` have an event that goes on or cools down: they are left out.
        """
        if self.rule is None:
            return np.empty(0, np.int64)
        ring = self.market_ring
        ring.follow(state.symbols)
        before = ring.time
        ring.push(now.time, now.last, now.turnover, state.past)
        if now.time <= before:
            return np.empty(0, np.int64)
        usual = usual_minutes(state.past, ring, self.detector)
        judged = ~np.isnan(ring.ring.flow_at(np.array([now.time - NEEDED]))[:, 0])
        judged &= ~np.isnan(now.last) & ~np.isnan(usual.mean)
        # While the turnover is made up for, it says too little.
        judged &= ring.fallen <= RECENT * usual.mean
        strength = np.where(judged, bursts(ring.ring, now.time, usual), 0.0)
        report.judged += [
            Judgement(state.symbols[row], now.time, "burst", "its last pump is not over")
            for row in silent[strength[silent] > 0].tolist()
        ]
        strength[silent] = 0.0
        rows = strongest(strength, MOST_LOOKS)
        report.looks_skipped += int((strength > 0).sum()) - len(rows)
        self._follow_market(usual, report)
        hole = now.time - before > MISSED_SCANS * self.rule.interval
        self._since = ring.judged_since_now(judged, anew=hole)
        ring.judged_since = self._since.copy()
        # Until a look has said that there is nothing to alarm about.
        ring.judged_since[strength > 0] = 0
        return rows

    def _follow_market(self, usual: UsualMinute, report: DetectReport) -> None:
        """Say once when the whole market moves: many bursts are one thing then."""
        ring, now = self.market_ring.ring, self.market_ring.time
        since = int(np.searchsorted(ring.time, now - MINUTE))
        flow = ring.flow[:, -1] - ring.flow_at(np.array([now - MINUTE]))[:, 0]
        with np.errstate(invalid="ignore", divide="ignore"):
            rise = ring.last[:, -1] / ring.last[:, since:].min(axis=1) - 1.0
            moving = moves_at_once(flow / usual.mean, rise)
        if moving and now - self._moved > CALM:
            report.market_moves += 1
            logger.warning("the whole market moves: only its strongest bursts are looked at")
        if moving:
            self._moved = now

    def judge(
        self,
        state: DetectState,
        rows: IntArray,
        answers: Answers,
        series: Mapping[str, CandleSeries],
        report: DetectReport,
    ) -> list[Alarm]:
        """Return the alarms of the looks at some symbols, from the round's answers.

        `series` holds the candles that came.
        """
        if self.rule is None or not len(rows):
            return []
        known = good_answers(answers.trades, report, "judged without trades")
        time = self.market_ring.time
        complete = [
            row
            for row in rows.tolist()
            if state.symbols[row] in series or state.symbols[row] not in answers.candles
        ]
        looked = 0
        alarms: list[Alarm] = []
        window = self.history.window(state, np.array(complete, dtype=np.int64), series, time)
        for position, row in enumerate(window[0].tolist()):
            symbol = state.symbols[row]
            ring = self.market_ring.ring.select(np.array([row]))
            look = Look(time, ring, window[1].select([position]), known.get(symbol))
            if not window[3][position] or not _knows_enough(look):
                why = "not judged: its trades or its day before are not known"
                report.judged.append(Judgement(symbol, time, "burst", why))
                continue
            looked += 1
            verdict = self.rule.judge(look)
            report.judged.append(_judgement(symbol, time, verdict, self.rule.margin))
            if verdict is not None and verdict.alarm:
                alarms.append(_alarm(symbol, look, verdict))
            else:
                self.market_ring.judged_since[row] = self._since[row]
        report.looks += looked
        report.judged_with_trades += looked
        report.judged_without_trades += len(rows) - looked
        return alarms

    def covers(self, state: DetectState, row: int, minutes: IntArray) -> BoolArray:
        """Return which minutes every scan could judge fast for a symbol, given their starts."""
        if self.rule is None:
            return np.zeros(len(minutes), dtype=np.bool_)
        self.market_ring.follow(state.symbols)
        since = int(self.market_ring.judged_since[row])
        covered: BoolArray = (since > 0) & (since <= minutes + self.rule.interval)
        return covered


def usual_minutes(past: Past, market_ring: MarketRing, detector: Detector) -> UsualMinute:
    """Return lower bounds of mean and deviation of each symbol's minutes that ended 60 s ago.

    NaN for a symbol without a day of history, or whose history is too old for bounds.
    """
    time = market_ring.time
    end = (time - MINUTE) // MINUTE * MINUTE
    unseen = np.maximum(0, (end - past.through) // MINUTE)
    ready = (past.through > 0) & (past.carry.count + unseen >= detector.window)
    ready &= unseen <= detector.unseen_limit
    total, squares = past.carry.extra[:, 0], past.carry.extra[:, 1]
    # A history that goes on beyond those minutes: the ring knows what is too much of it.
    newer = past.through > end
    if newer.any():
        flow = market_ring.ring.flow[:, -1] - market_ring.ring.flow_at(np.array([end]))[:, 0]
        total = np.where(newer, np.maximum(total - np.nan_to_num(flow, nan=np.inf), 0.0), total)
        squares = np.where(newer, 0.0, squares)
    return least_usual(np.where(ready, total, np.nan), squares, detector.unseen_limit)


def _knows_enough(look: Look) -> bool:
    """Return whether the trades of the last minute and the day before are known."""
    trades = look.trades
    return (
        trades is not None
        and len(trades.between(look.time - MINUTE, look.time).time) > 0
        and day_before(look.candles, look.time) is not None
    )


def _judgement(symbol: str, time: int, verdict: Verdict | None, threshold: float) -> Judgement:
    if verdict is None:
        return Judgement(symbol, time, "burst", "it is no burst after all")
    below = f"score {threshold - verdict.margin:.2f} below its threshold"
    why = "a pump" if verdict.alarm else below
    words = verdict_words(verdict.strength, verdict.jump, why)
    return Judgement(symbol, time, "burst", words, verdict.alarm)


def _alarm(symbol: str, look: Look, verdict: Verdict) -> Alarm:
    """Return the alarm of a look, with the highest price since the lowest of the last minute."""
    times, last = look.ring.time, look.ring.last[0]
    recent = int(np.searchsorted(times, look.time - MINUTE))
    base = recent + int(np.argmin(last[recent:]))
    peak = base + int(np.argmax(last[base:]))
    peak_price, peak_time = float(last[peak]), int(times[peak])
    if look.trades is not None:
        traded = look.trades.between(int(times[base]), look.time)
        if len(traded.price) and traded.price.max() > peak_price:
            highest = int(np.argmax(traded.price))
            peak_price, peak_time = float(traded.price[highest]), int(traded.time[highest])
    return Alarm(
        symbol=symbol,
        candle=look.time // MINUTE * MINUTE,
        time=look.time,
        price=verdict.price,
        base_price=verdict.base_price,
        peak_price=peak_price,
        peak_time=peak_time,
        strength=verdict.strength,
        jump=verdict.jump,
    )
