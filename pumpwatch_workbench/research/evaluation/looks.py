"""The looks that scans of a recorded market make: the snapshots and trades that they would see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.burst_rule import LONGEST_INTERVAL
from pumpwatch.domain.detection.burst_traits import usual_minute
from pumpwatch.domain.detection.bursts import (
    DAY_OF_MINUTES,
    NEEDED,
    TIMES_MEAN,
    Look,
    UsualMinute,
    burst_gates,
)
from pumpwatch.domain.detection.windows import trailing_sum
from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.market.ring import Ring
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, Segment

PRODUCT = DetectSettings.model_fields["scan_interval_seconds"].default * SECOND
SLACK = 1.0 - 1e-9
"""Sums that were added in another order may differ in their last digits."""


@dataclass(frozen=True, slots=True)
class Scans:
    """Scans `interval` milliseconds apart, by a rule that reads the clock or does not."""

    interval: int = PRODUCT
    reads_clock: bool = True

    def margins(self, detector: Boosted, segment: Segment) -> tuple[IntArray, FloatArray]:
        """Return when the rule judges a segment, and the largest margin with which it alarms then.

        Where trades are known and scans are close enough it judges bursts, else ended minutes:
        those without trades where none are known.
        """
        seconds = self.interval <= LONGEST_INTERVAL and detector.reads_trades
        if not seconds or segment.trades is None:
            candidates, margins = detector.margins(segment.candles, [segment.trades])
            ended = segment.candles.open_time[candidates.columns] + segment.candles.interval
            return ended, margins
        rule = detector.scores.burst_rule(self.interval, reads_clock=self.reads_clock)
        seen = looks(segment, self.interval, self._phase(segment), segment.start + WARM_UP)
        judged = [(look.time, verdict.margin) for look in seen if (verdict := rule.judge(look))]
        times = np.array([time for time, _ in judged], dtype=np.int64)
        return times, np.array([margin for _, margin in judged])

    def _phase(self, segment: Segment) -> int:
        """Return when its scans begin: nothing is known of it, so it is drawn by its number."""
        digest = blake2b(str(segment.number).encode(), digest_size=4).digest()
        return int.from_bytes(digest) % self.interval


class RecordedTape:
    """Trades as snapshots show them: last price and turnover so far, at any time."""

    def __init__(self, trades: MarketTrades) -> None:
        self._time = trades.time
        self._last = np.concatenate([[np.nan], trades.price])
        flow = np.cumsum(trades.price * trades.quantity)
        self._flow = np.concatenate([[0.0], flow])

    def at(self, times: IntArray) -> tuple[FloatArray, FloatArray]:
        """Return last price and turnover before each of the times."""
        place = np.searchsorted(self._time, times)
        return self._last[place], self._flow[place]

    def ring(self, time: int, interval: int) -> Ring:
        """Return what scans so far apart have seen up to a time."""
        count = -(-NEEDED // interval) + 1
        times = time - interval * np.arange(count, -1, -1, dtype=np.int64)
        last, flow = self.at(times)
        return Ring(times, last[None], flow[None])


def looks(segment: Segment, interval: int, phase: int, begin: int) -> Iterator[Look]:
    """Yield the looks of scans at `phase` and every `interval` after it, from `begin` on.

    All in milliseconds UTC. A segment without trades has none.
    """
    if segment.trades is None:
        return
    tape = RecordedTape(segment.trades)
    opens = segment.candles.open_time
    for minute, usual in busy_minutes(segment):
        opened = int(opens[minute])
        first = max(opened, begin)
        first += (phase - first) % interval
        times = np.arange(first, opened + MINUTE, interval, dtype=np.int64)
        for time in times[_burst(tape, times, usual, interval)].tolist():
            candles = segment.candles.between(max(0, minute - DAY_OF_MINUTES - 1), minute)
            yield Look(time, tape.ring(time, interval), candles, segment.trades)


def busy_minutes(segment: Segment) -> Iterator[tuple[int, UsualMinute]]:
    """Yield the minutes within which a symbol can burst, and what is usual then."""
    turnover = segment.candles.turnover[:1]
    total, flow = trailing_sum(turnover, DAY_OF_MINUTES)[0], turnover[0]
    columns = np.arange(DAY_OF_MINUTES + 1, len(flow))
    mean = total[columns - 2] / DAY_OF_MINUTES
    busy = (flow[columns] + flow[columns - 1]) > SLACK * TIMES_MEAN * mean
    for column in columns[busy].tolist():
        yield column, usual_minute(turnover[:, column - 1 - DAY_OF_MINUTES : column - 1])


def _burst(tape: RecordedTape, times: IntArray, usual: UsualMinute, interval: int) -> np.ndarray:
    now_last, now_flow = tape.at(times)
    back = interval * np.arange(1, MINUTE // interval + 1, dtype=np.int64)
    lasts, _ = tape.at(times[:, None] - back)
    _, minute = tape.at(times - MINUTE)
    _, recent = tape.at(times - 10 * SECOND)
    lowest = np.minimum(lasts.min(axis=1), now_last)
    return burst_gates(now_flow - minute, now_flow - recent, now_last / lowest - 1.0, usual)
