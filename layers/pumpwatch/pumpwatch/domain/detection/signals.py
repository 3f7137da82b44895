"""Pump events, and the signals about them that trading reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any


class Phase(StrEnum):
    """The phases of a pump, in order."""

    RISING = "rising"
    """The rule has alarmed and the price still makes new highs."""
    PEAKED = "peaked"
    """The rise has stalled: the price fell back from its high, or makes no new one."""
    FADING = "fading"
    """A good part of the rise has been given back."""
    OVER = "over"
    """Nothing more is expected; the symbol cools down before it can alarm again."""


@dataclass(frozen=True, slots=True)
class PumpEvent:
    """One pump of one symbol. All times in milliseconds UTC, all prices in USDT."""

    event_id: str
    symbol: str
    detector: str
    phase: Phase
    alarm_candle: int
    """Open time of the candle in which the rule alarmed."""
    alarm_time: int
    """Time of the alarm: the scan's, or the end of the closed candle that alarmed."""
    alarm_price: float
    base_price: float
    """Lowest price of the minute before a scan's alarm; last close before a candle that alarmed."""
    peak_price: float
    peak_time: int
    """Time at which the highest price so far was seen."""
    last_price: float
    strength: float
    """The rule's own measure at the alarm, for `ewma` the z-score of the turnover."""
    jump: float
    """Rise over `base_price` at the alarm, as the rule measures it."""
    updated: int
    phase_since: int
    unknown: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """Fields that a newer version has stored beside these; they are stored again as they are."""

    @property
    def rise(self) -> float:
        """Return the rise from base to peak as a fraction."""
        return self.peak_price / self.base_price - 1.0


@dataclass(frozen=True, slots=True)
class Signal:
    """A change of an event's phase that trading may act on; at most one per event and phase."""

    signal_id: str
    event_id: str
    symbol: str
    phase: Phase
    time: int
    """Milliseconds UTC: when detection knew. Trading judges freshness by it."""
    price: float
    base_price: float
    peak_price: float
    strength: float
    jump: float
    detector: str
    alarm_time: int = 0
    """Time of the event's alarm; 0 in signals of before it was kept."""


def event_id_for(symbol: str, detector: str, alarm_candle: int) -> str:
    """Return the event's id: a hash of the facts, so that a repeated run finds the same event."""
    return _digest(f"event|{symbol}|{detector}|{alarm_candle}")


def signal_id_for(event_id: str, phase: Phase) -> str:
    """Return the signal's id: one event gives at most one signal per phase."""
    return _digest(f"signal|{event_id}|{phase}")


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=12).hexdigest()
