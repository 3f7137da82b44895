"""What one `pumpwatch run` found and did: filled by the driver, read by every report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from statistics import median
from typing import Literal, NamedTuple

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.trading.trades import Trade

INVARIANTS = (
    "No open position without a stop on the exchange",
    "No duplicate order",
    "Journal and exchange agree at the end",
)


class Verdict(StrEnum):
    """How an event counts; see the scoring rules in `docs/strategy.md`."""

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
        """Build the event from all its signals; the alarm is the first of them.

        Raises:
            ValueError: when there is no signal, or when they belong to several events.
        """
        ordered = tuple(sorted(signals, key=lambda signal: (signal.time, _order(signal.phase))))
        if len({signal.event_id for signal in ordered}) != 1:
            raise ValueError("an event is built from the signals of exactly one event")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything a run found and did. Times are market time in milliseconds UTC, money is USDT."""

    kind: Literal["synthetic", "replay"]
    seed: int
    symbols: int
    """Distinct symbols that the simulated exchange served."""
    started: int
    ended: int
    ticks: int
    detector: str
    strategy: str
    planted: tuple[PlantedPump, ...]
    events: tuple[DetectedEvent, ...]
    trades: tuple[Trade, ...]
    """The journal's trades, those that were denied or rejected included."""
    equity: tuple[tuple[int, Decimal], ...]
    """(market time, equity), in order of time."""
    tick_seconds: tuple[float, ...]
    """Wall time of each detect tick."""
    tick_requests: tuple[int, ...]
    """Bybit requests of each detect tick, refresh included."""
    orders: int
    fills: int
    positions_without_stop_seconds_max: float
    """Longest market time that an open position had no stop on the exchange."""
    metrics_pushed: int
    """Pushes that the gateway accepted."""
    pushgateway: str
    """Which one took them: the real one or the built-in receiver."""
    candles: Mapping[str, Sequence[CandleRow]] = field(default_factory=dict)
    """By symbol, from 20 minutes before each onset or alarm to 60 minutes after it."""
    invariants_broken: tuple[str, ...] = ()
    dropped: tuple[DroppedPump, ...] = ()
    wall_seconds: float | None = None

    @property
    def ok(self) -> bool:
        """Return whether every invariant held."""
        return not self.invariants_broken

    @property
    def hits(self) -> tuple[DetectedEvent, ...]:
        """Return the events that found a planted pump in time."""
        return tuple(event for event in self.events if event.verdict is Verdict.HIT)

    @property
    def false_events(self) -> tuple[DetectedEvent, ...]:
        """Return the events that belong to no planted pump."""
        return tuple(event for event in self.events if event.verdict is Verdict.FALSE)

    @property
    def entered(self) -> tuple[Trade, ...]:
        """Return the trades that held a position, in order of entry."""
        held = [trade for trade in self.trades if trade.entry_time is not None]
        return tuple(sorted(held, key=lambda trade: (trade.entry_time or 0, trade.symbol)))

    @property
    def realised_pnl(self) -> Decimal:
        """Return the realised profit and loss of all trades after fees and funding, in USDT."""
        return sum((trade.realised_pnl for trade in self.trades), Decimal(0))

    @property
    def delay_p50(self) -> float | None:
        """Return the median seconds from onset to alarm over the hits; None without a hit."""
        delays = [event.delay_seconds for event in self.hits if event.delay_seconds is not None]
        return float(median(delays)) if delays else None

    def rows(self) -> tuple[EventRow, ...]:
        """Return one row per planted pump and per event that belongs to none, in order of time."""
        rows = []
        claimed: set[str] = set()
        for planted in self.planted:
            detected = self._best_match(planted)
            if detected:
                claimed.add(detected.event_id)
            verdict = detected.verdict if detected else Verdict.MISSED
            trade = self._trade_of(detected)
            rows.append(EventRow(planted.symbol, planted.onset, verdict, planted, detected, trade))
        for event in self.events:
            if event.event_id not in claimed:
                trade = self._trade_of(event)
                rows.append(
                    EventRow(event.symbol, event.alarm_time, event.verdict, None, event, trade)
                )
        return tuple(sorted(rows, key=lambda row: (row.time, row.symbol)))

    def to_json(self) -> dict[str, int | float | str | None]:
        """Return the object that `pumpwatch run --json` prints.

        Seconds are market time, except `tick_seconds_p50`, which is wall time and therefore the one
        value that differs between two runs of the same seed. A median of nothing is None.
        """
        return {
            "symbols": self.symbols,
            "ticks": self.ticks,
            "events_planted": len(self.planted),
            "events_detected": len(self.hits),
            "false_events": len(self.false_events),
            "orders": self.orders,
            "fills": self.fills,
            "positions_without_stop_seconds_max": self.positions_without_stop_seconds_max,
            "realised_pnl_usdt": format(self.realised_pnl.normalize(), "f"),
            "detect_delay_p50_seconds": self.delay_p50,
            "tick_seconds_p50": _median_or_none(self.tick_seconds),
            "tick_requests_p50": _median_or_none(self.tick_requests),
            "metrics_pushed": self.metrics_pushed,
        }

    def _best_match(self, planted: PlantedPump) -> DetectedEvent | None:
        matches = [
            event
            for event in self.events
            if event.symbol == planted.symbol
            and event.onset == planted.onset
            and event.verdict in (Verdict.HIT, Verdict.EARLY)
        ]
        return min(
            matches,
            key=lambda event: (event.verdict is not Verdict.HIT, event.alarm_time),
            default=None,
        )

    def _trade_of(self, event: DetectedEvent | None) -> Trade | None:
        if event is None:
            return None
        trades = [trade for trade in self.trades if trade.event_id == event.event_id]
        return min(
            trades, key=lambda trade: (trade.entry_time is None, trade.created), default=None
        )


def _median_or_none(values: Sequence[float]) -> float | None:
    return float(median(values)) if values else None


def _order(phase: Phase) -> int:
    return list(Phase).index(phase)
