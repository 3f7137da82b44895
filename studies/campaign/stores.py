"""The stores of a world: in memory, or in a file that outlives the process which writes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from pumpwatch_workbench.local.memory import MemoryDatabase
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteJournal,
    SqliteLeaseStore,
    SqliteLockStore,
    SqliteSignalStore,
)
from pumpwatch_workbench.local.store.journal import INSTALLATION

QUICK = Path("/dev/shm")  # noqa: S108 - a folder in memory: no disk is waited for


class Killed(BaseException):
    """The run is gone: nothing catches it, and every later call of it dies too."""


class _File(Database):
    """A store file of a process that can die before a statement that it would write."""

    statements_left = float("inf")

    def write(self, sql: str, values: Sequence[object] = ()) -> int:
        if self.statements_left == 0:
            raise Killed
        self.statements_left -= 1
        return super().write(sql, values)


class Connected:
    """The stores of one connection."""

    def __init__(self, database: Database, wall: Callable[[], float]) -> None:
        self.journal, self.signals = SqliteJournal(database), SqliteSignalStore(database)
        self.halts, self.locks = SqliteHaltStore(database), SqliteLockStore(database)
        self.leases = SqliteLeaseStore(database, wall)


class WorldStores:
    """Those of the function, `own`, and those of `status` and `halt`, which work `beside` it."""

    def __init__(self, wall: Callable[[], float], kind: str) -> None:
        self._wall, self.kind, self.on_file = wall, kind, kind == "sqlite"
        self._folder = TemporaryDirectory(dir=QUICK if QUICK.is_dir() else None)
        self._path = Path(self._folder.name) / "0.db"
        self._open()
        # A journal's own letters are random; here the same seed gives the same order ids.
        self._own.write("INSERT INTO notes VALUES (?, ?)", (INSTALLATION, "memory"))

    def _open(self) -> None:
        self._own = _File(self._path) if self.on_file else MemoryDatabase()
        self._beside = Database(self._path, alone=False) if self.on_file else self._own
        self.own, self.beside = (
            Connected(database, self._wall) for database in (self._own, self._beside)
        )
        self.own.leases.release_all()

    def next_process(self) -> None:
        """Give what a process that died left in the file and in its log to the next one."""
        if self.on_file:
            before, self._path = self._path, self._path.with_name(f"next-{self._path.name}")
            for end in ("", "-wal"):  # Closed as it must be here, it would be tidied.
                shutil.copyfile(f"{before}{end}", f"{self._path}{end}")
            self._close()
            self._open()

    def die_after(self, statements: int) -> None:
        """Let the process that has the file die once it has written so many more statements."""
        if isinstance(self._own, _File):
            self._own.statements_left = statements

    def close(self) -> None:
        """Close everything and forget the file."""
        self._close()
        self._folder.cleanup()

    def _close(self) -> None:
        self._beside.close()
        self._own.close()
