"""The file's stores on databases in memory, which end with this process."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Callable
from functools import cache
from pathlib import Path

from pumpwatch.adapters.archives import ArchiveStore
from pumpwatch_workbench.local.store import (
    Database,
    SqliteEventStore,
    SqliteHaltStore,
    SqliteJournal,
    SqliteLeaseStore,
    SqliteLockStore,
    SqliteSignalStore,
)
from pumpwatch_workbench.local.store.bodies import InFile
from pumpwatch_workbench.local.store.database import bring_up_to_date
from pumpwatch_workbench.local.store.journal import INSTALLATION


class MemoryDatabase(Database):
    """An empty database without a file."""

    def __init__(self) -> None:
        self.path = Path(":memory:")
        self._alone = threading.RLock()
        self._guard = None
        self._connection = sqlite3.connect(
            ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.deserialize(_empty())
        weakref.finalize(self, self._connection.close)


@cache
def _empty() -> bytes:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        bring_up_to_date(connection)
        return connection.serialize()
    finally:
        connection.close()


class _InMemory(InFile):
    def __init__(self) -> None:
        super().__init__(MemoryDatabase())


class MemorySignalStore(_InMemory, SqliteSignalStore):
    """Signals by id and time."""


class MemoryEventStore(_InMemory, SqliteEventStore):
    """The latest event of each symbol."""


class MemoryHaltStore(_InMemory, SqliteHaltStore):
    """The halt flag, with all former halts."""


class MemoryLockStore(_InMemory, SqliteLockStore):
    """Locks, with those that ended."""


class MemoryHistoryStore(ArchiveStore):
    """Candle slices and detection state."""

    def __init__(self) -> None:
        super().__init__()
        self._archives: dict[str, bytes] = {}

    def _write(self, key: str, body: bytes) -> None:
        self._archives[key] = body

    def _read(self, key: str) -> bytes | None:
        return self._archives.get(key)


class MemoryLeaseStore(SqliteLeaseStore):
    """Leases with a token that grows for ever. `wall` gives Unix seconds."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        super().__init__(MemoryDatabase(), wall)


class MemoryJournal(SqliteJournal):
    """Trades and orders beside the leases that their writes check."""

    def __init__(self, leases: MemoryLeaseStore) -> None:
        super().__init__(leases.database)
        # A journal's own letters are random; here the same seed gives the same order ids.
        self.database.write("INSERT OR IGNORE INTO notes VALUES (?, ?)", (INSTALLATION, "memory"))
