"""The result of a `pumpwatch run`: filled by the driver, read by every report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Literal

from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.event_rows import (
    CandleRow,
    DetectedEvent,
    DroppedPump,
    EventRow,
    PlantedPump,
    Verdict,
)

INVARIANTS = (
    "No open position without a stop on the exchange",
    "No duplicate order",
    "Journal and exchange agree at the end",
)


@dataclass(frozen=True, slots=True)
class SignalSteps:
    """When a signal woke trade, and when the entry was sent and acknowledged.

    Market time, milliseconds UTC.
    """

    woken: int
    sent: int
    acknowledged: int


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
    scan_interval: int
    """Seconds between two scans."""
    planted: tuple[PlantedPump, ...]
    events: tuple[DetectedEvent, ...]
    trades: tuple[Trade, ...]
    """The journal's trades, those that were denied or rejected included."""
    equity: tuple[tuple[int, Decimal], ...]
    """(market time, equity), in order of time."""
    tick_seconds: tuple[float, ...]
    tick_requests: tuple[int, ...]
    """Bybit requests of each detect tick, refresh included."""
    scan_seconds: tuple[float, ...] = ()
    """Wall seconds of each scan between two ticks."""
    steps: Mapping[str, SignalSteps] = field(default_factory=dict)
    """Those of each signal that an entry followed, by signal id."""
    orders: int
    fills: int
    positions_without_stop_seconds_max: float
    """Longest market time that an open position had no stop on the exchange."""
    metrics_pushed: int
    pushgateway: str
    candles: Mapping[str, Sequence[CandleRow]] = field(default_factory=dict)
    """Candles by symbol, from 20 minutes before each onset or alarm to 60 minutes after it."""
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
        entered = [trade for trade in self.trades if trade.entry_time is not None]
        return tuple(sorted(entered, key=lambda trade: (trade.entry_time or 0, trade.symbol)))

    @property
    def realised_pnl(self) -> Decimal:
        """Return the realised profit and loss of all trades after fees and funding, in USDT."""
        return sum((trade.realised_pnl for trade in self.trades), Decimal(0))

    @property
    def delay_p50(self) -> float | None:
        """Return the median seconds from onset to alarm over the hits; None without a hit."""
        delays = [event.delay_seconds for event in self.hits if event.delay_seconds is not None]
        return _median_or_none(delays)

    @property
    def order_delay_p50(self) -> float | None:
        """Return the median seconds from the scan that signalled to the acknowledged entry."""
        delays = [
            (self.steps[trade.signal_id].acknowledged - trade.signal_time) / 1000
            for trade in self.entered
            if trade.signal_id in self.steps
        ]
        return _median_or_none(delays)

    def counted(self, *, announced: bool) -> tuple[int, int]:
        """Return the hits on pumps of a kind, and how many such pumps there were."""
        pumps = {(pump.symbol, pump.onset) for pump in self.planted if pump.announced is announced}
        return sum((event.symbol, event.onset) in pumps for event in self.hits), len(pumps)

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
        detected, announced = self.counted(announced=True)
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
            "scans": len(self.scan_seconds),
            "announced_planted": announced,
            "announced_detected": detected,
            "order_delay_p50_seconds": self.order_delay_p50,
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
