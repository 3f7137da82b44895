"""Carries views of symbols to the event machine, and its signals and events to their stores."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import numpy as np

from pumpwatch.domain.detection.base import Detections
from pumpwatch.domain.detection.events import EventRules, SymbolView, advance
from pumpwatch.domain.detection.signals import Phase, PumpEvent
from pumpwatch.domain.market.candles import BoolArray, Candles, CandleSeries
from pumpwatch.ports import EventStore, SignalStore

from .report import DetectReport

logger = logging.getLogger(__name__)


class EventDesk:
    """The open events during a run. A signal is stored before its event: a run that dies in
    between is repeated, and the signal's id is the same then."""

    def __init__(
        self, signals: SignalStore, events: EventStore, detector: str, rules: EventRules
    ) -> None:
        self._signals = signals
        self._store = events
        self._detector = detector
        self._rules = rules
        self.events: dict[str, PumpEvent] = {}

    @property
    def open_events(self) -> int:
        """Return how many events are not over."""
        return sum(event.phase is not Phase.OVER for event in self.events.values())

    def load(self) -> Mapping[str, PumpEvent]:
        """Read the current events, by symbol."""
        self.events = {event.symbol: event for event in self._store.current()}
        return self.events

    def judge(self, view: SymbolView, now: int, report: DetectReport) -> None:
        """Let the event machine look at a symbol, and store what follows."""
        before = self.events.get(view.symbol)
        event, signals = advance(before, view, now, self._detector, self._rules)
        for signal in signals:
            if self._signals.publish(signal):
                report.signals.append(signal)
                if signal.phase is Phase.RISING and event is not None:
                    report.signal_delays.append((signal.time - event.alarm_candle) / 1000)
                logger.info(
                    "signal published",
                    extra={
                        "signal_id": signal.signal_id,
                        "symbol": signal.symbol,
                        "phase": signal.phase.value,
                    },
                )
        if event is None and before is not None:
            self._store.remove(before)
            del self.events[view.symbol]
        elif event is not None and event != before:
            self._store.save(event)
            self.events[view.symbol] = event


def view_of_row(
    candles: Candles,
    found: Detections,
    row: int,
    alarms: BoolArray,
    *,
    forming: bool,
    close_before: float,
) -> SymbolView:
    """Return one symbol's view; `alarms`, (candles,), marks those that may start an event."""
    return SymbolView(
        symbol=candles.symbols[row],
        interval=candles.interval,
        open_time=candles.open_time,
        high=candles.high[row],
        low=candles.low[row],
        close=candles.close[row],
        alarm=found.alarm[row] & alarms,
        strength=found.strength[row],
        jump=found.jump[row],
        forming=forming,
        close_before=close_before,
    )


def view_of_events_symbol(series: CandleSeries) -> SymbolView:
    """Return the view of a symbol whose event goes on: no new alarm is looked for."""
    nothing = np.full(len(series.open_time), np.nan)
    return SymbolView(
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


def view_of_nothing(symbol: str, interval: int) -> SymbolView:
    """Return a view without candles: only time passes."""
    no_times = np.empty(0, dtype=np.int64)
    return view_of_events_symbol(
        CandleSeries(symbol, interval, no_times, np.empty((0, 6)), forming=False)
    )
