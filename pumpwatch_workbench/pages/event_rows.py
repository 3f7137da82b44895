"""Market events with their detections and trades, one row an event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.trading.trades import Trade

MINUTE_MS = 60_000
WINDOW_BEFORE_MS = 20 * MINUTE_MS
WINDOW_AFTER_MS = 60 * MINUTE_MS


class Verdict(StrEnum):
    """Verdict on an event; see the scoring rules in `docs/strategy.md`."""

    HIT = "hit"
    """Alarmed from 60 s before the onset of a planted pump to 300 s after it."""
    EARLY = "early"
    """Belongs to a planted pump, but alarmed in the hour before the hit window."""
    IGNORED = "ignored"
    """Near a planted pump: neither a hit nor a false alarm."""
    FALSE = "false"
    MISSED = "missed"
    """A planted pump without an alarm that counts."""


class CandleRow(NamedTuple):
    """One minute of one symbol: open time in milliseconds UTC, prices and turnover in USDT."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    turnover: float


@dataclass(frozen=True, slots=True)
class PlantedPump:
    """A pump the market contained. Times are market time, milliseconds UTC."""

    symbol: str
    onset: int
    peak: int
    size: float
    """Rise from the price before the onset to the peak, as a fraction."""
    announced: bool = False
    """True if it was announced for a full or half hour."""
    segment: str = ""
    """Replay only: the recorded segment it comes from."""
    original_onset: int | None = None
    """Replay only: when it happened, milliseconds UTC."""


@dataclass(frozen=True, slots=True)
class DetectedEvent:
    """A pump event that detection reported, and how it counts."""

    event_id: str
    symbol: str
    detector: str
    alarm_time: int
    """Market time at which detection knew, milliseconds UTC."""
    base_price: float
    peak_price: float
    strength: float
    """The rule's own measure at the alarm, for `boosted` the turnover over its mean."""
    verdict: Verdict
    onset: int | None = None
    """Onset of the planted pump it belongs to (hit or early), else None."""
    signals: tuple[Signal, ...] = ()

    @property
    def delay_seconds(self) -> float | None:
        """Return the market time from the onset to the alarm; None without a matched onset."""
        return None if self.onset is None else (self.alarm_time - self.onset) / 1000

    @property
    def rise(self) -> float:
        """Return the rise from base to peak as a fraction."""
        return self.peak_price / self.base_price - 1.0

    @classmethod
    def from_signals(
        cls, signals: Sequence[Signal], verdict: Verdict, onset: int | None = None
    ) -> DetectedEvent:
        """Build the event from all its signals; the alarm is the first of them."""
        phases = list(Phase)
        ordered = tuple(sorted(signals, key=lambda each: (each.time, phases.index(each.phase))))
        alarm = ordered[0]
        return cls(
            event_id=alarm.event_id,
            symbol=alarm.symbol,
            detector=alarm.detector,
            alarm_time=alarm.time,
            base_price=alarm.base_price,
            peak_price=max(signal.peak_price for signal in ordered),
            strength=alarm.strength,
            verdict=verdict,
            onset=onset,
            signals=ordered,
        )


@dataclass(frozen=True, slots=True)
class DroppedPump:
    """A recorded pump that the replay could not play, with the reason."""

    segment: str
    original_onset: int
    """Milliseconds UTC."""
    reason: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the event table: a planted pump, what was detected of it, what was traded."""

    symbol: str
    time: int
    """The onset, or the alarm when no planted pump belongs to it; milliseconds UTC."""
    verdict: Verdict
    planted: PlantedPump | None
    detected: DetectedEvent | None
    trade: Trade | None


def window_of(row: EventRow, candles: Sequence[CandleRow]) -> list[CandleRow]:
    """Return the candles from 20 minutes before the event to 60 minutes after it."""
    first, last = row.time - WINDOW_BEFORE_MS, row.time + WINDOW_AFTER_MS
    return [candle for candle in candles if first - MINUTE_MS < candle.open_time <= last]
