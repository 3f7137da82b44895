"""The contents of a store for a period: everything that the report is made of.

A desk's file is read here, a deployed stack in `stack`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.trades import OrderRecord, RepairNote, Trade
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.calendar_sums import calendar_of
from pumpwatch_workbench.export import Tables, tables_of
from pumpwatch_workbench.local.store import (
    Database,
    RunRecord,
    SqliteHaltStore,
    SqliteHistoryStore,
    SqliteJournal,
    SqliteLockStore,
    SqliteRunRecords,
    SqliteSignalStore,
    SqliteTotalsStore,
)
from pumpwatch_workbench.operations.installation import mode_of, stage_of
from pumpwatch_workbench.operations.journal.candles import stored_candles
from pumpwatch_workbench.pages.event_rows import CandleRow, DetectedEvent, Verdict

if TYPE_CHECKING:
    from pumpwatch_workbench.operations.journal.lambda_logs import FunctionLog


@dataclass(frozen=True, slots=True)
class AwsEstimate:
    """US dollars by the model of docs/costs.md, from measurements and list prices: no bill."""

    dollars: float
    dollars_a_month: float
    symbols: int
    """The most that were measured: the cost is for them."""
    scan_seconds: int


@dataclass(frozen=True, kw_only=True)
class Period:
    """Times in milliseconds UTC, money in USDT. None: the store does not record it."""

    source: str
    stage: str
    bybit: str = ""
    """Address of the exchange; empty where it is not recorded."""
    mode: str = ""
    """Mode of its trades; empty where it is not recorded."""
    since: int
    until: int
    trades: Sequence[Trade]
    """Created in the period, oldest first, those that were denied included."""
    orders: Sequence[OrderRecord]
    signals: Sequence[Signal]
    repairs: Sequence[tuple[str, RepairNote]] = ()
    locks: Sequence[Lock] = ()
    """Locks in force at some time in the period, as far as the store remembers."""
    halts: Sequence[tuple[Halt, int | None]] = ()
    """Halts, and when a person resumed (milliseconds UTC; None: it is in force)."""
    totals: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)
    """Totals by function, since the store was made, not only in the period."""
    runs: Sequence[RunRecord] | None = None
    logs: Sequence[FunctionLog] | None = None
    memory_limit_mib: float | None = None
    aws: AwsEstimate | None = None
    """None if nothing runs on AWS, or if it was not measured."""
    candles: Mapping[str, Sequence[CandleRow]] = field(default_factory=dict)
    """Candles by event id, from 20 minutes before the alarm to 60 minutes after it."""

    @cached_property
    def events(self) -> list[DetectedEvent]:
        """Return the events. Nobody has labelled them: their verdict means nothing."""
        by_event: dict[str, list[Signal]] = {}
        for signal in self.signals:
            by_event.setdefault(signal.event_id, []).append(signal)
        return [
            DetectedEvent.from_signals(signals, Verdict.IGNORED) for signals in by_event.values()
        ]

    @property
    def equity(self) -> list[tuple[int, Decimal]]:
        """Return time and equity at each tick that knew it; a stage records none."""
        return [(run.time, run.equity) for run in self.runs or () if run.equity is not None]

    @cached_property
    def tables(self) -> Tables:
        """Return trades, events and equity."""
        return tables_of(self.trades, self.events, self.equity)

    def calendar(self, form: str) -> list[dict[str, Any]]:
        """Return the sums of each day or week."""
        return calendar_of(self.tables, self.since, self.until, form)


def of_mode(period: Period, mode: str | None) -> Period:
    """Return the period with the trades of one mode; its source says which."""
    trades, chosen, words = of_one_mode(period.trades, mode, period.mode)
    others = {trade.signal_id for trade in period.trades} - {trade.signal_id for trade in trades}
    return replace(
        period,
        source=f"{period.source}, {words}",
        mode=chosen,
        trades=trades,
        orders=[order for order in period.orders if order.signal_id not in others],
        repairs=[repair for repair in period.repairs if repair[0] not in others],
    )


def of_one_mode(
    trades: Sequence[Trade], mode: str | None, of_store: str = ""
) -> tuple[list[Trade], str, str]:
    """Return the trades of a mode, the mode, and which that is and what it leaves out, in words.

    By default it is the newest trade's, and where no trade has one, that of the store.
    """
    modes = [trade.mode for trade in trades if trade.mode]
    chosen = mode or (modes[-1] if modes else of_store)
    kept = [trade for trade in trades if not chosen or trade.is_of_mode(chosen)]
    others = Counter(name for name in modes if name != chosen)
    left = "".join(f"; {count} of {name} mode left out" for name, count in others.items())
    return kept, chosen, f"{chosen} mode{left}" if chosen else "mode not recorded"


def period_of_file(path: Path, since: int, until: int) -> Period:
    """Return what the file says. Raises `StoreProblem` for one that cannot be read."""
    with closing(Database(path, writable=False)) as database:
        journal, totals = SqliteJournal(database), SqliteTotalsStore(database)
        signals = SqliteSignalStore(database).since(since)
        return Period(
            source=str(path),
            stage=stage_of(database),
            bybit=database.note("base_url") or "",
            mode=mode_of(database),
            since=since,
            until=until,
            trades=journal.trades_since(since).require_all(),
            orders=journal.orders_since(since),
            signals=signals,
            repairs=journal.repairs_since(since),
            locks=SqliteLockStore(database).since(since),
            halts=SqliteHaltStore(database).since(since),
            totals={name: totals.read(name) for name in (DETECT, TRADE)},
            runs=SqliteRunRecords(database).since(since),
            memory_limit_mib=_memory_of_this_machine(),
            candles=stored_candles(SqliteHistoryStore(database), signals),
        )


def _memory_of_this_machine() -> float | None:
    """Return the memory in MiB; a desk runs where its file is. None where unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    except (AttributeError, ValueError, OSError):
        return None
