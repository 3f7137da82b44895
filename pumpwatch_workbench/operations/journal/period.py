"""What a store says about a stretch of time: everything that the report is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.trades import OrderRecord, RepairNote, Trade
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.journal.lambda_logs import FunctionLog
from pumpwatch_workbench.pages.event_rows import CandleRow


@dataclass(frozen=True, slots=True)
class HaltSpan:
    """A halt, and when a person resumed (milliseconds UTC; None: it is in force)."""

    halt: Halt
    ended: int | None


@dataclass(frozen=True, slots=True)
class RunningCost:
    """What AWS asks for a month by the model of docs/costs.md, US dollars."""

    dollars_a_month: float
    symbols: int
    """That it was reckoned for: the most that was measured."""
    scan_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Times in milliseconds UTC, money in USDT. None: the store does not record it."""

    source: str
    """Which store, as the reader knows it."""
    stage: str
    since: int
    until: int
    trades: Sequence[Trade]
    """Created in the period, oldest first, those that were denied included."""
    orders: Sequence[OrderRecord]
    signals: Sequence[Signal]
    repairs: Sequence[tuple[str, RepairNote]] = ()
    """Each with the id of its signal."""
    locks: Sequence[Lock] = ()
    """That were in force at some time in the period, as far as the store remembers."""
    halts: Sequence[HaltSpan] = ()
    totals: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    """By function; since the store was made, not only in the period."""
    runs: Sequence[RunRecord] | None = None
    logs: Sequence[FunctionLog] | None = None
    """What Lambda logged about the runs of each deployed function."""
    memory_limit_mib: float | None = None
    """Of the machine that keeps the run records."""
    aws: RunningCost | None = None
    """None: nothing runs there, or it was not measured."""
    candles: Mapping[str, Sequence[CandleRow]] = field(default_factory=dict)
    """By event id, from 20 minutes before the alarm to 60 minutes after it."""
