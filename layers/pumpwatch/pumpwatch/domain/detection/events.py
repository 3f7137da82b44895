"""One event per pump: rising, peaked, fading, over, then a cooldown until the next alarm.

The phase follows from the candles since the alarm alone, so a restart, a repeated scan or a candle
that arrives late gives the same event. Phases only go forward:

rising
    The rule has alarmed.
peaked
    A closed candle, or the live price, has given back 30 % of the rise, or a closed candle made no
    new high. Real pumps peak half a minute after their onset and fall fast, so the alarming candle
    itself often closes far below its high: rising and peaked then come in one scan. Both numbers
    are those that served a fade best on real pumps, see docs/strategy.md.
fading
    Half of the rise is gone. No message: trading acts on `peaked` and its own stops.
over
    Four fifths of the rise are gone, or an hour has passed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pumpwatch.domain.market.candles import BoolArray, Candles, CandleSeries, FloatArray, IntArray
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
    candles_without_high: int = 1
    time_limit: int = 60 * MINUTE
    cooldown: int = 30 * MINUTE
    alarm_age: int = 5 * MINUTE
    """An alarm on a candle that ended longer ago starts no event: it is too late to act."""


@dataclass(frozen=True, slots=True, eq=False)
class SymbolView:
    """One symbol at a scan; arrays are shaped (candles,), oldest first.

    NaN in the prices marks a candle that is not known. `forming`: the last candle has not ended;
    its close is the live price. `alarm` marks the alarms that may start an event, `strength` and
    `jump` are the rule's.
    """

    symbol: str
    interval: int
    open_time: IntArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    alarm: BoolArray
    strength: FloatArray
    jump: FloatArray
    forming: bool
    close_before: float = float("nan")
    """Last close before the first candle."""

    @classmethod
    def of_row(
        cls,
        candles: Candles,
        start: Carry,
        detections: Detections,
        row: int,
        alarms: BoolArray,
        *,
        forming: bool,
    ) -> SymbolView:
        """Return the view of a judged symbol.

        `start` is the memory before the candles, `alarms`, (candles,), marks those that may start
        an event.
        """
        return cls(
            symbol=candles.symbols[row],
            interval=candles.interval,
            open_time=candles.open_time,
            high=candles.high[row],
            low=candles.low[row],
            close=candles.close[row],
            alarm=detections.alarm[row] & alarms,
            strength=detections.strength[row],
            jump=detections.jump[row],
            forming=forming,
            close_before=float(start.close[row]),
        )

    @classmethod
    def following(cls, series: CandleSeries) -> SymbolView:
        """Return the view of a symbol whose event goes on: no new alarm is looked for."""
        nothing = np.full(len(series.open_time), np.nan)
        return cls(
            symbol=series.symbol,
            interval=series.interval,
            open_time=series.open_time,
            high=series.values[:, 1],
            low=series.values[:, 2],
            close=series.values[:, 3],
            alarm=np.zeros(len(nothing), dtype=np.bool_),
            strength=nothing,
            jump=nothing,
            forming=series.forming,
        )

    @classmethod
    def without_candles(cls, symbol: str, interval: int) -> SymbolView:
        """Return a view in which only time passes."""
        no_times = np.empty(0, dtype=np.int64)
        return cls.following(
            CandleSeries(symbol, interval, no_times, np.empty((0, 6)), forming=False)
        )


def advance(
    event: PumpEvent | None, view: SymbolView, now: int, detector: str, rules: EventRules
) -> tuple[PumpEvent | None, list[Signal]]:
    """Return the symbol's event after this scan (None: none, or re-armed) and the new signals.

    `now` is the scan's time in milliseconds UTC.
    """
    if event is not None and event.phase is Phase.OVER:
        if now < event.phase_since + rules.cooldown:
            return event, []
        rearmed = event.phase_since + rules.cooldown
        event = None
    else:
        rearmed = 0
    signals: list[Signal] = []
    if event is None:
        event = _new_event(view, now, detector, rules, rearmed)
        if event is None:
            return None, []
        signals.append(_signal(event, now))
    moved = _follow(event, view, now, rules)
    if moved.phase is event.phase:
        return replace(moved, phase_since=event.phase_since), signals
    passed = ORDER[ORDER.index(event.phase) + 1 : ORDER.index(moved.phase) + 1]
    signals += [_signal(replace(moved, phase=phase), now) for phase in passed if phase in SIGNALLED]
    return moved, signals


def _new_event(
    view: SymbolView, now: int, detector: str, rules: EventRules, rearmed: int
) -> PumpEvent | None:
    end = view.open_time + view.interval
    # A candle that was forming when the symbol was re-armed may alarm again.
    fresh = view.alarm & (end > rearmed) & (end >= now - rules.alarm_age)
    if not fresh.any():
        return None
    index = int(np.argmax(fresh))
    before = np.append(view.close_before, view.close[:index])
    before = before[~np.isnan(before)]
    if not len(before):
        return None
    forming = view.forming and index == len(view.open_time) - 1
    opened = int(view.open_time[index])
    alarm_time = now if forming else int(end[index])
    return PumpEvent(
        event_id=event_id_for(view.symbol, detector, opened),
        symbol=view.symbol,
        detector=detector,
        phase=Phase.RISING,
        alarm_candle=opened,
        alarm_time=alarm_time,
        alarm_price=float(view.close[index]),
        base_price=float(before[-1]),
        peak_price=float(view.high[index]),
        peak_time=opened,
        last_price=float(view.close[index]),
        strength=float(view.strength[index]),
        jump=float(view.jump[index]),
        updated=now,
        phase_since=now,
    )


def _follow(event: PumpEvent, view: SymbolView, now: int, rules: EventRules) -> PumpEvent:
    """Walk through the candles since the alarm; return the event with its peak, price and phase.

    The peak grows with the walk: what a candle gave back is measured against the peak of its own
    time.
    """
    peak, peak_time, last = event.base_price, event.alarm_candle, event.last_price
    phase = event.phase
    without_high = 0
    first = int(np.searchsorted(view.open_time, event.alarm_candle))
    for index in range(first, len(view.open_time)):
        high, close = float(view.high[index]), float(view.close[index])
        if np.isnan(close) or np.isnan(high):
            continue
        closed = not (view.forming and index == len(view.open_time) - 1)
        last = close
        if high > peak:
            peak, peak_time = high, int(view.open_time[index])
        newest_high = peak_time == int(view.open_time[index])
        without_high = 0 if newest_high else without_high + closed
        phase = _later(phase, _phase_at(peak, event.base_price, close, without_high, rules))
    if now >= event.alarm_time + rules.time_limit:
        phase = Phase.OVER
    return replace(
        event,
        phase=phase,
        peak_price=max(peak, event.peak_price),
        peak_time=peak_time if peak >= event.peak_price else event.peak_time,
        last_price=last,
        updated=now,
        phase_since=now,
    )


def _phase_at(
    peak: float, base: float, close: float, without_high: int, rules: EventRules
) -> Phase:
    given_back = (peak - close) / (peak - base) if peak > base else 1.0
    if given_back >= rules.over_share:
        return Phase.OVER
    if given_back >= rules.fading_share:
        return Phase.FADING
    if given_back >= rules.peaked_share or without_high >= rules.candles_without_high:
        return Phase.PEAKED
    return Phase.RISING


def _later(first: Phase, second: Phase) -> Phase:
    return max(first, second, key=ORDER.index)


def _signal(event: PumpEvent, now: int) -> Signal:
    return Signal(
        signal_id=signal_id_for(event.event_id, event.phase),
        event_id=event.event_id,
        symbol=event.symbol,
        phase=event.phase,
        time=now,
        price=event.last_price,
        base_price=event.base_price,
        peak_price=event.peak_price,
        strength=event.strength,
        jump=event.jump,
        detector=event.detector,
        alarm_time=event.alarm_time,
    )
