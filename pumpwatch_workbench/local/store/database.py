"""The file itself: opened by one process at a time, its version checked, its failures translated.

A transaction is all or nothing and on the disk when it returns (write-ahead log, full
synchronisation). Threads of the process share one connection and wait for each other.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from pumpwatch.errors import BadInput, StoreUnavailable

from .schema import APPLICATION_ID, STEPS, VERSION

BUSY_SECONDS = 5.0
CHECK_SECONDS = 0.3
"""Wait of a process that wants to lock the file, for those that only check whether it is locked."""
WORDS = {
    "SQLITE_FULL": "the disk is full: free some space",
    "SQLITE_READONLY": "it can only be read: name a file in a folder that you may write to",
    "SQLITE_CANTOPEN": "it cannot be opened: name a file in a folder that you may write to",
    "SQLITE_PERM": "it may not be opened: name a file that you may write to",
    "SQLITE_IOERR": "the disk does not read or write it: look at the disk",
    "SQLITE_BUSY": "another program is writing to it: end that program",
    "SQLITE_CORRUPT": "it is damaged: put a copy back, or name another file",
    "SQLITE_NOTADB": "it is no Pumpwatch store: name another file",
}

Row = tuple[Any, ...]


class StoreProblem(BadInput):
    """The file cannot be used as a store; the text says why and what to do."""


class Database:
    """An open store file. `writable` ones are refused to a second process until `close`.

    One that is not `alone` must exist, and is written to beside the process that has it: for a
    word in passing, such as a halt, which an older version's file takes too. Raises `StoreProblem`
    where the file cannot be used; later failures are `StoreUnavailable`.
    """

    def __init__(
        self,
        path: Path,
        *,
        writable: bool = True,
        alone: bool = True,
        may_be_older: bool = False,
    ) -> None:
        # Whatever name leads to it: its lock is one, and so is its log.
        self.path = path = Path(os.path.realpath(path))
        self._alone = threading.RLock()
        self._guard = _only_instance(path) if writable and alone else None
        try:
            self._connection = _connect(path, writable, alone, may_be_older)
        except BaseException:
            self._give_up_guard()
            raise

    @property
    def version(self) -> int:
        """Return the schema's version in the file."""
        return int(self.rows("PRAGMA user_version")[0][0])

    def rows(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Return all rows of a question."""
        with self._alone, self._translated():
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """Return the first row of a question, or None."""
        rows = self.rows(sql, values)
        return rows[0] if rows else None

    def write(self, sql: str, values: Sequence[object] = ()) -> int:
        """Change something in a transaction of its own, or in that around it; return the rows."""
        with self._alone, self._translated():
            return self._connection.execute(sql, values).rowcount

    def note(self, key: str) -> str | None:
        """Return what the file notes under a key; `mode` and `stage` say whose it is."""
        row = self.row("SELECT value FROM notes WHERE key = ?", (key,))
        return None if row is None else str(row[0])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Carry out everything in the block, or nothing of it when it raises."""
        with self._alone, self._translated():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                # A full disk may have rolled it back already.
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file and let another process have it."""
        with self._alone:
            self._connection.close()
            self._give_up_guard()

    def _give_up_guard(self) -> None:
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store {self.path}: {_words(error)}") from None


def _words(error: sqlite3.Error) -> str:
    name = getattr(error, "sqlite_errorname", "")
    for prefix, words in WORDS.items():
        if name.startswith(prefix):
            return words
    return str(error)


def _only_instance(path: Path) -> sqlite3.Connection:
    """Lock the store. Raises `StoreProblem` when another process has it or no file can be made."""
    _refuse_foreign(path)
    try:
        guard = exclusive_lock(Path(f"{path}.lock"))
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith("SQLITE_NOTADB"):
            raise StoreProblem(f"{path}.lock is damaged: remove it") from None
        raise StoreProblem(f"the store {path}: {_words(error)}") from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise StoreProblem(
            f"the store {path}: {reason}: name a file in a folder that you may write to"
        ) from None
    if guard is None:
        raise StoreProblem(
            f"another pumpwatch uses {path}{_holder(path)}: end it, or name another file"
        )
    return guard


def exclusive_lock(path: Path) -> sqlite3.Connection | None:
    """Take a lock that lasts until it is closed; return None while another process has it.

    The system takes it back when the process dies, however it dies. Raises `sqlite3.Error`,
    `OSError` where no file can be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Without isolation levels nothing begins or ends a transaction but these lines.
    guard = sqlite3.connect(
        path, timeout=CHECK_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        guard.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        guard.close()
        if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
            return None
        raise
    return guard


def holder_of(path: Path) -> str | None:
    """Return the process that has locked the store, "?" if unknown, None if it is free."""
    path = Path(os.path.realpath(path))
    lock = Path(f"{path}.lock")
    if not lock.exists():
        return None
    try:
        _ask(_address(lock), "SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        busy = getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY")
        return (_process_in(path) or "?") if busy else None
    return None


def _holder(path: Path) -> str:
    process = _process_in(path)
    return f" (process {process})" if process else ""


def _process_in(path: Path) -> str:
    """Return the process that last locked the file, as noted in it."""
    with suppress(sqlite3.Error):
        row = _ask(_address(path), "SELECT value FROM notes WHERE key = 'process'")
        return str(row[0]) if row else ""
    return ""


def _ask(address: str, sql: str) -> Row | None:
    with closing(sqlite3.connect(address, uri=True, timeout=0)) as connection:
        return cast("Row | None", connection.execute(sql).fetchone())


def _refuse_foreign(path: Path) -> None:
    """Raise `StoreProblem` for a file that is no database, and leave it as it is."""
    # SQLite looks: what else closes the file takes this process's locks on it away.
    log = Path(f"{path}-wal")
    try:
        if path.is_dir():
            raise StoreProblem(f"{path} is a folder: name a file for the store")
        if _size(path):
            _ask(_address(path, "ro&immutable=1"), "PRAGMA schema_version")
        elif _size(log):
            raise StoreProblem(f"{log} lacks its store: put {path} back, or name another file")
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise StoreProblem(f"the store {path}: {reason}: name another file") from None
    except sqlite3.Error as error:
        raise StoreProblem(f"the store {path}: {_words(error)}") from None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _address(path: Path, mode: str = "ro") -> str:
    return f"{path.absolute().as_uri()}?mode={mode}"


def _connect(path: Path, writable: bool, alone: bool, may_be_older: bool) -> sqlite3.Connection:
    made_here = writable and alone
    if not made_here:
        _refuse_absent(path)
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            path if made_here else _address(path, "rw" if writable else _reading(path)),
            uri=not made_here,
            timeout=BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        _check_version(connection, path, may_be_older=made_here or may_be_older)
        connection.execute("PRAGMA synchronous = FULL")
        if made_here:
            bring_up_to_date(connection)
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise StoreProblem(f"the store {path}: {_words(error)}") from None
    except StoreProblem:
        if connection is not None:
            connection.close()
        raise
    return connection


def _refuse_absent(path: Path) -> None:
    _refuse_foreign(path)
    if not path.exists():
        raise StoreProblem(f"there is no store {path}: pumpwatch desk makes one")
    if not _size(path):
        raise StoreProblem(f"{path} is empty: name a store that pumpwatch desk has made")


def _reading(path: Path) -> str:
    """Return how to read a file: one that nobody may write beside, on a read-only disk for one,
    is taken as it lies there, unless something of it is still in its write-ahead log."""
    if os.access(path.parent, os.W_OK) or _size(Path(f"{path}-wal")):
        return "ro"
    return "ro&immutable=1"


def _check_version(connection: sqlite3.Connection, path: Path, *, may_be_older: bool) -> None:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if tables and application != APPLICATION_ID:
        raise StoreProblem(f"{path} is another program's database: name another file")
    if version > VERSION:
        raise StoreProblem(
            f"{path} was written by a newer Pumpwatch (version {version} of the store, this one"
            f" knows {VERSION}): use that one, or name another file"
        )
    if version < VERSION and not may_be_older:
        raise StoreProblem(
            f"{path} was written by an older Pumpwatch: pumpwatch desk brings it up to date"
        )


def bring_up_to_date(connection: sqlite3.Connection) -> None:
    """Take the steps that the database lacks, and note which process has it."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute("PRAGMA journal_mode = WAL")
    for number, step in enumerate(STEPS[version:], start=version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; PRAGMA application_id = {APPLICATION_ID}; {step}"
            f" PRAGMA user_version = {number}; COMMIT;"
        )
    try:
        connection.execute(
            "INSERT OR REPLACE INTO notes VALUES ('process', ?)", (str(os.getpid()),)
        )
    except sqlite3.OperationalError as error:
        # What is open must be cared for on a full disk too; the note is for messages.
        if error.sqlite_errorname != "SQLITE_FULL":
            raise
