"""Signals made of alarms by production's event machine, scanned once a minute.

A scan at the end of a minute sees that minute's close and its high, and nothing of what follows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from pumpwatch.domain.detection.events import Alarm, EventRules, Price, advance
from pumpwatch.domain.detection.signals import Phase, PumpEvent, Signal
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.strategies import Strategy

from .market import CLOSE, HIGH, Window

ORDER = tuple(Phase)


class Track:
    """One alarm's event, scan by scan. What was found is kept: many settings share one track."""

    def __init__(self, window: Window, detector: str, rules: EventRules) -> None:
        self.window = window
        self._detector = detector
        self._rules = rules
        self._scan = window.alarm
        self._event, self._signals = self._advance(None, self._scan)

    @property
    def begins(self) -> bool:
        """Return whether the alarm starts an event."""
        return self._event is not None

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
        """Return when the symbol is re-armed, milliseconds UTC; None: the candles end before."""
        if self._event is None:
            return 0
        self.signals_until(Phase.OVER)
        over = self._event.phase is Phase.OVER
        return self._event.phase_since + self._rules.cooldown if over else None

    @property
    def armed_for_sure(self) -> int:
        """Return a time from which on the symbol is re-armed whatever happens."""
        return self.window.known_at + self._rules.time_limit + self._rules.cooldown

    # --- inside --------------------------------------------------------------------------

    def _has(self, scan: int) -> bool:
        return scan < len(self.window)

    def _end_of(self, scan: int) -> int:
        return int(self.window.open_time[0]) + (scan + 1) * MINUTE

    def _advance(self, event: PumpEvent | None, scan: int) -> tuple[PumpEvent | None, list[Signal]]:
        high, close = self.window.values[scan, [HIGH, CLOSE]].tolist()
        price = None if np.isnan(close) else Price(close, high)
        alarms = self._alarms() if event is None else []
        return advance(event, alarms, price, self._end_of(scan), self._detector, self._rules)

    def _alarms(self) -> list[Alarm]:
        window, known_at = self.window, self.window.known_at
        if np.isnan(window.close_before):
            return []
        alarmed = window.values[: window.alarm + 1]
        close = alarmed[:, CLOSE]
        alarm = Alarm(
            symbol=window.symbol,
            candle=int(window.open_time[0]),
            time=known_at,
            price=float(close[~np.isnan(close)][-1]),
            base_price=window.close_before,
            peak_price=float(np.nanmax(alarmed[:, HIGH])),
            peak_time=known_at,
            strength=window.strength,
            jump=window.jump,
        )
        return [alarm]


def wanted_phases(strategy: Strategy, signal: Signal) -> frozenset[Phase]:
    """Return the phases of signals that a strategy acts on."""
    return frozenset(phase for phase in Phase if strategy.acts_on(replace(signal, phase=phase)))


def events_of(tracks: Iterable[Track]) -> Iterator[Track]:
    """Yield those of one symbol's tracks that start an event, in order of their alarms.

    An alarm while an earlier event lasts or its symbol cools down starts nothing.
    """
    before: Track | None = None
    for track in tracks:
        if track.begins and (before is None or _is_armed(before, track.window.known_at)):
            before = track
            yield track


def signals_of(tracks: Sequence[Track], strategy: Strategy) -> Iterator[tuple[Signal, Track]]:
    """Yield the signals the strategy acts on from one symbol's tracks, in order of their alarms."""
    for track in events_of(tracks):
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
