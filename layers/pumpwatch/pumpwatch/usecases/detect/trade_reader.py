"""The market's trades for the candles on which they decide.

A rule that reads trades is first asked without them. Only where its score decided on a candle that
counts now (`Detections.scored`) are the symbol's trades fetched, one request each, and the rule is
asked again. A candle that is no candidate of the rule costs nothing. Where trades
do not come or do not reach back far enough, the judgement of the candles alone stands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.detection.base import Carry, Detections, Detector
from pumpwatch.domain.market.candles import BoolArray, Candles
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.ports import MarketData

from .answers import good_answers, recent_trades
from .report import DetectReport


@dataclass(frozen=True, slots=True)
class TradeReader:
    """Judges candles, with the market's trades where the rule reads them.

    An alarm on a candle that ended more than `alarm_age` milliseconds ago starts no event: its
    trades are not fetched.
    """

    market: MarketData
    detector: Detector
    alarm_age: int

    def judged(
        self, candles: Candles, start: Carry, final: BoolArray, now: int, report: DetectReport
    ) -> Detections:
        """Return what the rule finds; `final`, shaped (symbols, candles), says which count now."""
        detections = self.detector.detect(candles, start)
        if detections.scored is None:
            return detections
        fresh = candles.open_time + candles.interval >= now - self.alarm_age
        wanted = np.flatnonzero((detections.scored & final & fresh).any(axis=1))
        if len(wanted):
            symbols = [candles.symbols[row] for row in wanted]
            known = self._fetched(symbols, report)
            trades = [known.get(symbol) for symbol in candles.symbols]
            detections = self.detector.detect(candles, start, trades)
        for row in range(len(candles.symbols)):
            count_scored(detections, row, final[row], report)
        return detections

    def _fetched(self, symbols: list[str], report: DetectReport) -> dict[str, MarketTrades]:
        report.requests += len(symbols)
        return good_answers(recent_trades(self.market, symbols), report, "judged without trades")


def count_scored(detections: Detections, row: int, counts: BoolArray, report: DetectReport) -> None:
    """Count the candles of a symbol that a score judged; `counts` says which, (candles,)."""
    if detections.scored is None or detections.traded is None:
        return
    with_trades = int((detections.traded[row] & counts).sum())
    report.judged_with_trades += with_trades
    report.judged_without_trades += int((detections.scored[row] & counts).sum()) - with_trades
