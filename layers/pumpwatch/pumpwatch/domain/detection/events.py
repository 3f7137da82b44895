"""One event per pump: rising, peaked, fading, over, then a cooldown until the next alarm.

An event follows the symbol's price: the last one of each scan, and the highest since the scan
before where that is known. What it needs to go on is in the event itself, so a restart and a
repeated scan give the same event. Phases only go forward:

rising
    The rule has alarmed. For a minute from then on nothing else is said: an alarm comes within
    seconds of the onset, and the price of a pump falls back and rises again before its peak.
peaked
    30 % of the rise is given back, or there was no new high for a minute.
fading
    Half of the rise is gone. No message: trading acts on `peaked` and its own stops.
over
    Four fifths of the rise are gone, or an hour has passed.

A scan publishes the last of the phases that it passed and no other: a pump that rose and fell
between two scans is one message, and nobody enters an event that is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pumpwatch.domain.market.candles import BoolArray, Candles
from pumpwatch.domain.moments import MINUTE

from .base import Carry, Detections
from .signals import Phase, PumpEvent, Signal, event_id_for, signal_id_for

ORDER = (Phase.RISING, Phase.PEAKED, Phase.FADING, Phase.OVER)
SIGNALLED = (Phase.RISING, Phase.PEAKED, Phase.OVER)


@dataclass(frozen=True, slots=True)
class EventRules:
    """Thresholds of the phases. Shares are of the rise from base to peak, times in milliseconds."""

    peaked_share: float = 0.3
    fading_share: float = 0.5
    over_share: float = 0.8
    patience: int = MINUTE
    """An event is rising for so long after its alarm, and has peaked when no new high was made for
    so long."""
    time_limit: int = 60 * MINUTE
    cooldown: int = 30 * MINUTE
    alarm_age: int = 5 * MINUTE
    """An alarm that is older starts no event: it is too late to act."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """What starts an event. Times in milliseconds UTC, prices in USDT."""

    symbol: str
    candle: int
    """Open time of the candle in which the rule alarmed."""
    time: int
    """The scan's time, or the end of the closed candle that alarmed."""
    price: float
    base_price: float
    peak_price: float
    """The highest price known since the base."""
    peak_time: int
    strength: float
    jump: float


@dataclass(frozen=True, slots=True)
class Price:
    """A symbol's price at a scan: the last one, and the highest since the scan before.

    `high` is NaN where it is not known.
    """

    last: float
    high: float = float("nan")


def alarms_of_candles(
    candles: Candles, start: Carry, detections: Detections, row: int, alarms: BoolArray, now: int
) -> list[Alarm]:
    """Return the alarms of a judged symbol, oldest first.

    `start` is the memory before the candles; `alarms`, (candles,), marks those that may start an
    event. An alarm without an earlier close starts none.
    """
    close = np.append(start.close[row], candles.close[row])
    raised = []
    for index in np.flatnonzero(detections.alarm[row] & alarms).tolist():
        before = close[: index + 1]
        before = before[~np.isnan(before)]
        if not len(before):
            continue
        high = candles.high[row, index:]
        peak = int(np.nanargmax(high))
        opened = int(candles.open_time[index])
        raised.append(
            Alarm(
                symbol=candles.symbols[row],
                candle=opened,
                time=min(opened + candles.interval, now),
                price=float(candles.close[row, index]),
                base_price=float(before[-1]),
                peak_price=float(high[peak]),
                peak_time=min(opened + (peak + 1) * candles.interval, now),
                strength=float(detections.strength[row, index]),
                jump=float(detections.jump[row, index]),
            )
        )
    return raised


def advance(
    event: PumpEvent | None,
    alarms: Sequence[Alarm],
    price: Price | None,
    now: int,
    detector: str,
    rules: EventRules,
) -> tuple[PumpEvent | None, list[Signal]]:
    """Return the symbol's event after this scan (None: none, or re-armed) and the new signals.

    `alarms` are the symbol's, oldest first. `price` is None where only time passes. `now` is the
    scan's time in milliseconds UTC.
    """
    before, rearmed = event, 0
    if event is not None and event.phase is Phase.OVER:
        rearmed = event.phase_since + rules.cooldown
        if now < rearmed:
            return event, []
        before = None
    if before is None:
        fresh = (alarm for alarm in alarms if alarm.time > rearmed)
        alarm = next((alarm for alarm in fresh if alarm.time >= now - rules.alarm_age), None)
        if alarm is None:
            return None, []
        moved = _follow(_event_of(alarm, now, detector), price, now, rules)
        passed = ORDER[: ORDER.index(moved.phase) + 1]
    else:
        moved = _follow(before, price, now, rules)
        passed = ORDER[ORDER.index(before.phase) + 1 : ORDER.index(moved.phase) + 1]
    signalled = [phase for phase in passed if phase in SIGNALLED]
    return moved, [_signal(moved, phase, now) for phase in signalled[-1:]]


def _event_of(alarm: Alarm, now: int, detector: str) -> PumpEvent:
    return PumpEvent(
        event_id=event_id_for(alarm.symbol, detector, alarm.candle),
        symbol=alarm.symbol,
        detector=detector,
        phase=Phase.RISING,
        alarm_candle=alarm.candle,
        alarm_time=alarm.time,
        alarm_price=alarm.price,
        base_price=alarm.base_price,
        peak_price=alarm.peak_price,
        peak_time=alarm.peak_time,
        last_price=alarm.price,
        strength=alarm.strength,
        jump=alarm.jump,
        updated=now,
        phase_since=now,
    )


def _follow(event: PumpEvent, price: Price | None, now: int, rules: EventRules) -> PumpEvent:
    moved = replace(event, updated=now)
    if price is not None:
        high = float(np.fmax(price.last, price.high))
        moved = replace(moved, last_price=price.last)
        if high > event.peak_price:
            moved = replace(moved, peak_price=high, peak_time=now)
    phase = _phase_at(moved, now, rules) if price is not None else Phase.RISING
    if now < event.alarm_time + rules.patience:
        phase = Phase.RISING
    elif now >= event.alarm_time + rules.time_limit:
        phase = Phase.OVER
    if ORDER.index(phase) > ORDER.index(event.phase):
        moved = replace(moved, phase=phase, phase_since=now)
    return moved


def _phase_at(event: PumpEvent, now: int, rules: EventRules) -> Phase:
    rise = event.peak_price - event.base_price
    given_back = (event.peak_price - event.last_price) / rise if rise > 0 else 1.0
    if given_back >= rules.over_share:
        return Phase.OVER
    if given_back >= rules.fading_share:
        return Phase.FADING
    if given_back >= rules.peaked_share or now >= event.peak_time + rules.patience:
        return Phase.PEAKED
    return Phase.RISING


def _signal(event: PumpEvent, phase: Phase, now: int) -> Signal:
    return Signal(
        signal_id=signal_id_for(event.event_id, phase),
        event_id=event.event_id,
        symbol=event.symbol,
        phase=phase,
        time=now,
        price=event.last_price,
        base_price=event.base_price,
        peak_price=event.peak_price,
        strength=event.strength,
        jump=event.jump,
        detector=event.detector,
        alarm_time=event.alarm_time,
    )
