"""Carries views of symbols to the event machine, and its signals and events to their stores."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from pumpwatch.domain.detection.events import EventRules, SymbolView, advance
from pumpwatch.domain.detection.signals import Phase, PumpEvent
from pumpwatch.ports import EventStore, SignalStore

from .report import DetectReport

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class OpenEvents:
    """The open events during a run. A signal is stored before its event: a run that dies in
    between is repeated, and the signal's id is the same then."""

    signals: SignalStore
    events: EventStore
    detector: str
    rules: EventRules
    by_symbol: dict[str, PumpEvent] = field(default_factory=dict)

    def load(self) -> Mapping[str, PumpEvent]:
        """Read the current events, by symbol."""
        self.by_symbol = {event.symbol: event for event in self.events.current()}
        return self.by_symbol

    def describe(self, report: DetectReport) -> None:
        """Put the events into the report."""
        report.events = list(self.by_symbol.values())
        report.events_open = sum(event.phase is not Phase.OVER for event in report.events)

    def judge(self, view: SymbolView, now: int, report: DetectReport) -> None:
        """Let the event machine look at a symbol, and store what follows."""
        before = self.by_symbol.get(view.symbol)
        event, signals = advance(before, view, now, self.detector, self.rules)
        for signal in signals:
            if self.signals.publish(signal):
                report.signals.append(signal)
                if signal.phase is Phase.RISING and event is not None:
                    report.signal_delays.append((signal.time - event.alarm_candle) / 1000)
                facts = {"symbol": signal.symbol, "phase": signal.phase.value}
                logger.info("signal published", extra={"signal_id": signal.signal_id, **facts})
        if event is None and before is not None:
            self.events.remove(before)
            del self.by_symbol[view.symbol]
        elif event is not None and event != before:
            self.events.save(event)
            self.by_symbol[view.symbol] = event
