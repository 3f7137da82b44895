"""Carries alarms and prices to the event machine, and its signals and events to their stores."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pumpwatch.domain.detection.events import Alarm, EventRules, Price, advance
from pumpwatch.domain.detection.signals import Phase, PumpEvent
from pumpwatch.domain.moments import MINUTE
from pumpwatch.ports import EventStore, SignalStore

from .report import DetectReport

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class OpenEvents:
    """The current events, kept in memory and read once a minute: there is a single writer.

    A signal is stored before its event: a run that dies in between is repeated, and the signal's id
    is the same then.
    """

    signals: SignalStore
    events: EventStore
    detector: str
    rules: EventRules
    by_symbol: dict[str, PumpEvent] = field(default_factory=dict)
    _read_at: int | None = None
    """Time at which the store was read, milliseconds UTC; None: it must be read."""
    _unsaved: set[str] = field(default_factory=set)
    """Symbols whose event in memory is newer than the stored one."""

    def load(self, now: int) -> Mapping[str, PumpEvent]:
        """Return the current events, by symbol."""
        if self._read_at is None or not self._read_at <= now < self._read_at + MINUTE:
            stored = {event.symbol: event for event in self.events.current()}
            newer = {name: self.by_symbol[name] for name in self._unsaved & self.by_symbol.keys()}
            self.by_symbol, self._read_at = stored | newer, now
        return self.by_symbol

    def forget(self) -> None:
        """Let the events be read again: another instance may have moved them on."""
        self._read_at = None

    def describe(self, report: DetectReport) -> None:
        """Put the events into the report."""
        report.events = list(self.by_symbol.values())
        report.events_open = sum(event.phase is not Phase.OVER for event in report.events)

    def judge(
        self,
        symbol: str,
        alarms: Sequence[Alarm],
        price: Price | None,
        now: int,
        report: DetectReport,
    ) -> None:
        """Let the event machine look at a symbol, and store what follows.

        A price alone is stored once a minute: after a restart the event goes on from its phase and
        its peak.
        """
        before = self.by_symbol.get(symbol)
        event, signals = advance(before, alarms, price, now, self.detector, self.rules)
        for signal in signals:
            if self.signals.publish(signal):
                report.signals.append(signal)
                if event is not None and (before is None or before.event_id != event.event_id):
                    report.signal_delays.append((signal.time - event.alarm_candle) / 1000)
                facts = {"symbol": signal.symbol, "phase": signal.phase.value}
                logger.info("signal published", extra={"signal_id": signal.signal_id, **facts})
        if event is None:
            if before is not None:
                self.events.remove(before)
                del self.by_symbol[symbol]
        elif event != before:
            self.by_symbol[symbol] = event
            if before is None or _stored_facts(before) != _stored_facts(event):
                self._unsaved.add(symbol)
        if event is not None and symbol in self._unsaved:
            self.events.save(event)
            self._unsaved.discard(symbol)


def _stored_facts(event: PumpEvent) -> tuple[object, ...]:
    """Return what is stored at once when it changes; the minute is among it."""
    return event.event_id, event.phase, event.peak_price, event.updated // MINUTE
