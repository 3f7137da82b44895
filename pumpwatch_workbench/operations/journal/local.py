"""A period from the file that `pumpwatch paper` keeps."""

from __future__ import annotations

import os
from pathlib import Path

from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteHistoryStore,
    SqliteJournal,
    SqliteLockStore,
    SqliteRunRecords,
    SqliteSignalStore,
    SqliteTotalsStore,
)
from pumpwatch_workbench.operations.journal.candles import stored_candles
from pumpwatch_workbench.operations.journal.period import HaltSpan, Period
from pumpwatch_workbench.play.paper.options import STAGE


def period_of_file(path: Path, since: int, until: int) -> Period:
    """Return what the file says. Raises `StoreProblem` for one that cannot be read."""
    database = Database(path, writable=False)
    try:
        journal, totals = SqliteJournal(database), SqliteTotalsStore(database)
        signals = SqliteSignalStore(database).since(since)
        return Period(
            source=str(path),
            stage=STAGE,
            since=since,
            until=until,
            trades=journal.trades_since(since),
            orders=journal.orders_since(since),
            signals=signals,
            repairs=journal.repairs_since(since),
            locks=SqliteLockStore(database).since(since),
            halts=[HaltSpan(*one) for one in SqliteHaltStore(database).since(since)],
            totals={name: totals.read(name) for name in (DETECT, TRADE)},
            runs=SqliteRunRecords(database).since(since),
            memory_limit_mib=_memory_of_this_machine(),
            candles=stored_candles(SqliteHistoryStore(database), signals),
        )
    finally:
        database.close()


def _memory_of_this_machine() -> float | None:
    """Return the memory in MiB; paper trading runs where its file is. None where unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**20
    except (AttributeError, ValueError, OSError):
        return None
