"""Signals made of alarms by production's event machine, scanned once a minute.

A scan at the end of a minute sees the candles up to that minute and nothing else: what it is given
is cut off there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from pumpwatch.domain.detection.events import EventRules, SymbolView, advance
from pumpwatch.domain.detection.signals import Phase, PumpEvent, Signal
from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.domain.trading.strategies import Strategy

from .market import HIGH, LOW, OPEN, TURNOVER, VOLUME, Window

ORDER = tuple(Phase)


class Track:
    """One alarm's event, scan by scan. What was found is kept: many settings share one track."""

    def __init__(self, window: Window, interval: int, detector: str, rules: EventRules) -> None:
        self.window = window
        self._interval = interval
        self._detector = detector
        self._rules = rules
        self._scan = window.alarm
        self._first, self._signals = self._advance(None, self._scan)
        self._event = self._first

    @property
    def begins(self) -> bool:
        """Return whether the alarm starts an event."""
        return self._first is not None

    def signals_until(self, last: Phase) -> Sequence[Signal]:
        """Return the event's signals of phases up to `last`, oldest first."""
        while self._event is not None and self._event.phase not in (last, Phase.OVER):
            if ORDER.index(self._event.phase) > ORDER.index(last) or not self._has(self._scan + 1):
                break
            self._scan += 1
            self._event, signals = self._advance(self._event, self._scan)
            self._signals += signals
        latest = ORDER.index(last)
        return [signal for signal in self._signals if ORDER.index(signal.phase) <= latest]

    def silent_until(self) -> int | None:
        """Return when the symbol is re-armed, milliseconds UTC; None when the candles end before.

        Over minutes that are closed, phases only go forward, so the scan at which the event is over
        is found by bisection. An hour that is forming forgets what its price was: there every
        minute is looked at.
        """
        if self._first is None:
            return 0
        low = self.window.alarm
        if self._first.phase is Phase.OVER:
            return self._end_of(low) + self._rules.cooldown
        if self._interval == HOUR:
            self.signals_until(Phase.OVER)
            over = self._event is not None and self._event.phase is Phase.OVER
            return self._end_of(self._scan) + self._rules.cooldown if over else None
        high = min(low + self._rules.time_limit // MINUTE, len(self.window) - 1)
        if not self._is_over(high):
            return None
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self._is_over(middle) else (middle + 1, high)
        return self._end_of(low) + self._rules.cooldown

    @property
    def armed_for_sure(self) -> int:
        """Return a time from which on the symbol is re-armed whatever happens."""
        return self.window.known_at + self._rules.time_limit + self._rules.cooldown

    # --- inside --------------------------------------------------------------------------

    def _has(self, scan: int) -> bool:
        return scan < len(self.window)

    def _end_of(self, scan: int) -> int:
        return int(self.window.open_time[0]) + (scan + 1) * MINUTE

    def _is_over(self, scan: int) -> bool:
        if scan == self.window.alarm:
            return False
        event, _ = self._advance(self._first, scan)
        return event is not None and event.phase is Phase.OVER

    def _advance(self, event: PumpEvent | None, scan: int) -> tuple[PumpEvent | None, list[Signal]]:
        view = self._view(scan, alarmed=event is None)
        return advance(event, view, self._end_of(scan), self._detector, self._rules)

    def _view(self, scan: int, *, alarmed: bool) -> SymbolView:
        window = self.window
        times, values = window.open_time[: scan + 1], window.values[: scan + 1]
        forming = False
        if self._interval == HOUR:
            times, values, forming = hours(times, values)
        alarm = np.zeros(len(times), dtype=np.bool_)
        alarm[0] = alarmed
        return SymbolView(
            symbol=window.symbol,
            interval=self._interval,
            open_time=times,
            high=values[:, HIGH],
            low=values[:, LOW],
            close=values[:, 3],
            alarm=alarm,
            strength=np.full(len(times), window.strength),
            jump=np.full(len(times), window.jump),
            forming=forming,
            close_before=window.close_before,
        )


def wanted_phases(strategy: Strategy, signal: Signal) -> frozenset[Phase]:
    """Return the phases of signals that a strategy acts on."""
    return frozenset(phase for phase in Phase if strategy.acts_on(replace(signal, phase=phase)))


def signals_of(tracks: Sequence[Track], strategy: Strategy) -> Iterator[tuple[Signal, Track]]:
    """Yield the signals the strategy acts on from one symbol's tracks, in order of their alarms.

    An alarm while an earlier event lasts or its symbol cools down starts nothing.
    """
    before: Track | None = None
    for track in tracks:
        if before is not None and not _is_armed(before, track.window.known_at):
            continue
        if not track.begins:
            continue
        before = track
        rising = track.signals_until(Phase.RISING)[0]
        wanted = wanted_phases(strategy, rising)
        if not wanted:
            continue
        for signal in track.signals_until(max(wanted, key=ORDER.index)):
            if signal.phase in wanted:
                yield signal, track


def _is_armed(before: Track, time: int) -> bool:
    if time > before.armed_for_sure:
        return True
    until = before.silent_until()
    return until is not None and time > until


def hours(times: IntArray, values: FloatArray) -> tuple[IntArray, FloatArray, bool]:
    """Return minutes from a full hour on as hours, and whether the last of them is forming.

    An hour is made from the minutes of it that are known.
    """
    minutes = HOUR // MINUTE
    starts = np.arange(0, len(times), minutes)
    made = np.full((len(starts), values.shape[1]), np.nan)
    for number, start in enumerate(starts):
        part = values[start : start + minutes]
        part = part[~np.isnan(part[:, 3])]
        if len(part):
            made[number, OPEN], made[number, 3] = part[0, OPEN], part[-1, 3]
            made[number, HIGH], made[number, LOW] = part[:, HIGH].max(), part[:, LOW].min()
            made[number, [VOLUME, TURNOVER]] = part[:, [VOLUME, TURNOVER]].sum(axis=0)
    return times[starts], made, len(times) % minutes != 0
