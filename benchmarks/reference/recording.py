"""One recording as the slow loop sees it: rows, alarms, and the price of each minute."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.reference import rules as rules_in_plain_python
from benchmarks.reference.rule_boosted import boosted
from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.events import Alarm, Price
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.detection.signals import PumpEvent
from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch_workbench.research.backtest.market import Block

OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER = range(6)
Row = tuple[float, float, float, float, float, float]


@dataclass
class Recording:
    """One symbol's candles, alarms and event."""

    segment: int
    symbol: str
    contract: Instrument
    first: int
    rows: list[Row | None]
    alarms: dict[int, tuple[float, float]]
    """(strength, jump) by the time at which the alarm is known."""
    event: PumpEvent | None = None

    def row_at(self, time: int) -> Row | None:
        """Return the minute that opens at a time, None when it is not known."""
        index = (time - self.first) // MINUTE
        return self.rows[index] if 0 <= index < len(self.rows) else None

    def price_at(self, time: int) -> float:
        """Return the last close known at a time."""
        index = min((time - self.first) // MINUTE, len(self.rows)) - 1
        while index >= 0:
            row = self.rows[index]
            if row is not None:
                return row[CLOSE]
            index -= 1
        return math.nan

    @property
    def end(self) -> int:
        """Return when the last candle ends."""
        return self.first + len(self.rows) * MINUTE


def recording_of(block: Block, row: int, detector: Detector) -> Recording:
    """Return one row of a block with the alarms of a rule."""
    candles = block.candles
    rows = rules_in_plain_python.rows_of(candles, row)
    first = int(candles.open_time[0])
    judged, judged_first = rows, first
    if detector.interval == HOUR:
        judged_first = -(-first // HOUR) * HOUR
        judged = _whole_hours(rows[(judged_first - first) // MINUTE :])
    alarms = {}
    for index, result in enumerate(_detections(judged, detector)):
        if result is not None and result[0]:
            alarms[judged_first + (index + 1) * detector.interval] = result[1:]
    return Recording(
        block.segments[row], candles.symbols[row], block.contracts[row], first, rows, alarms
    )


def _detections(
    rows: Sequence[Row | None], detector: Detector
) -> Sequence[tuple[bool, float, float] | None]:
    if isinstance(detector, Ewma):
        return rules_in_plain_python.ewma(rows, detector)
    if isinstance(detector, Boosted):
        return boosted(rows, detector)
    if isinstance(detector, Karbalaii):
        return rules_in_plain_python.karbalaii(rows, detector)
    raise ValueError(f"there is no reference of the rule {detector.name}")


def alarms_at(recording: Recording, tick: int, interval: int) -> list[Alarm]:
    """Return the alarm that is known from `tick` on, none without an earlier close."""
    opened = tick - interval
    before = recording.price_at(opened)
    if tick not in recording.alarms or math.isnan(before):
        return []
    strength, jump = recording.alarms[tick]
    begin, end = ((time - recording.first) // MINUTE for time in (opened, tick))
    return [
        Alarm(
            symbol=recording.symbol,
            candle=opened,
            time=tick,
            price=recording.price_at(tick),
            base_price=before,
            peak_price=max(row[HIGH] for row in recording.rows[begin:end] if row is not None),
            peak_time=tick,
            strength=strength,
            jump=jump,
        )
    ]


def price_before(recording: Recording, tick: int) -> Price | None:
    """Return the price of the minute that ends at `tick`, None when it is not known."""
    row = recording.row_at(tick - MINUTE)
    return None if row is None else Price(row[CLOSE], row[HIGH])


def _whole_hours(rows: Sequence[Row | None]) -> list[Row | None]:
    return [_merged(rows[begin : begin + 60]) for begin in range(0, len(rows) - 59, 60)]


def _merged(rows: Sequence[Row | None]) -> Row | None:
    known = [row for row in rows if row is not None]
    if not known:
        return None
    return (
        known[0][OPEN],
        max(row[HIGH] for row in known),
        min(row[LOW] for row in known),
        known[-1][CLOSE],
        math.fsum(row[VOLUME] for row in known),
        math.fsum(row[TURNOVER] for row in known),
    )
