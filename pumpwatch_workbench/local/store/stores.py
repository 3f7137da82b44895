"""Signals, events, leases, halts, locks and the candle history in the file."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace

from pumpwatch.adapters.archives import ArchiveStore
from pumpwatch.domain.detection.signals import PumpEvent, Signal
from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.halt import CloseRequest, Halt, Instructions
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.errors import LeaseHeld, LeaseLost, StoreUnavailable
from pumpwatch.ports import EventStore, HaltStore, LeaseStore, LockStore, SignalStore

from .bodies import InFile, body_of, read_body
from .database import Database

logger = logging.getLogger(__name__)


class SqliteSignalStore(InFile, SignalStore):
    """Signals by id and time."""

    def publish(self, signal: Signal) -> bool:
        values = (signal.signal_id, signal.time, body_of(signal))
        return self.database.write("INSERT OR IGNORE INTO signals VALUES (?, ?, ?)", values) > 0

    def since(self, time: int) -> Sequence[Signal]:
        sql = "SELECT body FROM signals WHERE time >= ? ORDER BY time, signal_id"
        return self._records(Signal, sql, (time,))


class SqliteEventStore(InFile, EventStore):
    """The latest event of each symbol."""

    def current(self) -> Sequence[PumpEvent]:
        return self._records(PumpEvent, "SELECT body FROM events ORDER BY symbol")

    def save(self, event: PumpEvent) -> None:
        values = (event.symbol, event.event_id, body_of(event))
        self.database.write("INSERT OR REPLACE INTO events VALUES (?, ?, ?)", values)

    def remove(self, event: PumpEvent) -> None:
        values = (event.symbol, event.event_id)
        self.database.write("DELETE FROM events WHERE symbol = ? AND event_id = ?", values)


class SqliteLeaseStore(InFile, LeaseStore):
    """Leases with a token that grows for ever. `wall` gives Unix seconds."""

    def __init__(self, database: Database, wall: Callable[[], float] = time.time) -> None:
        super().__init__(database)
        self._wall = wall

    def acquire(self, name: str, *, owner: str, seconds: float) -> Lease:
        now = int(self._wall() * 1000)
        with self.database.transaction():
            sql = "SELECT owner, token, ends, mark FROM leases WHERE name = ?"
            holder, token, ends, mark = self.database.row(sql, (name,)) or (None, 0, 0, "")
            if holder is not None and ends > now:
                raise LeaseHeld(f"lease {name} is held by {holder}")
            self.database.write(
                "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?)",
                (name, owner, token + 1, now + int(seconds * 1000), mark),
            )
        return Lease(name, owner, token + 1, mark)

    def release(self, lease: Lease) -> None:
        released = self.database.write(
            "UPDATE leases SET owner = NULL, mark = ? WHERE name = ? AND owner = ? AND token = ?",
            (lease.mark, lease.name, lease.owner, lease.token),
        )
        if not released:
            logger.warning("lease was lost before its release", extra={"lease": lease.name})

    def release_all(self) -> None:
        """Free the leases of a process that died; only the process that has locked the file may."""
        self.database.write("UPDATE leases SET owner = NULL")


class SqliteOwnLeases(SqliteLeaseStore):
    """Leases of the one process that has the file: each is given at once, no clock ends it.

    While the disk takes no writes, a run gets a lease that guards none: positions are looked at,
    and what must be written first is not done.
    """

    def acquire(self, name: str, *, owner: str, seconds: float) -> Lease:
        sql = "SELECT token, mark FROM leases WHERE name = ?"
        token, mark = self.database.row(sql, (name,)) or (0, "")
        values = (name, owner, token + 1, 0, mark)
        with suppress(StoreUnavailable):
            self.database.write("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?)", values)
        return Lease(name, owner, token + 1, mark)


def check_lease(database: Database, lease: Lease) -> None:
    """Raise `LeaseLost` unless the lease is still the newest one and was not released.

    Call it in the transaction whose writes it guards.
    """
    newest = database.row("SELECT owner, token FROM leases WHERE name = ?", (lease.name,))
    if newest != (lease.owner, lease.token):
        raise LeaseLost(f"lease {lease.name} of {lease.owner} was taken over")


class SqliteHaltStore(InFile, HaltStore):
    """The halt flag, with all former halts, and the requests to close."""

    def current(self) -> Halt | None:
        return self._record(Halt, "SELECT body FROM halts WHERE ended IS NULL")

    def instructions(self) -> Instructions:
        requests = self._records(CloseRequest, "SELECT body FROM close_requests")
        return Instructions(self.current(), {request.signal_id: request for request in requests})

    def ask_to_close(self, request: CloseRequest) -> None:
        values = (request.signal_id, body_of(request))
        self.database.write("INSERT OR REPLACE INTO close_requests VALUES (?, ?)", values)

    def drop_requests(self, signal_ids: Collection[str]) -> None:
        with self.database.transaction():
            for name in signal_ids:
                self.database.write("DELETE FROM close_requests WHERE signal_id = ?", (name,))

    def halt(self, halt: Halt) -> None:
        with self.database.transaction():
            earlier = self.current()
            if earlier is not None:
                logger.info("halted already", extra={"reason": halt.reason})
                if halt.close_positions:
                    self.database.write(
                        "UPDATE halts SET body = ? WHERE ended IS NULL",
                        (body_of(replace(earlier, close_positions=True)),),
                    )
                return
            self.database.write(
                "INSERT INTO halts (since, body) VALUES (?, ?)", (halt.since, body_of(halt))
            )

    def resume(self, *, by: str, time: int, trades: Collection[str] = ()) -> None:
        with self.database.transaction():
            self.database.write("UPDATE halts SET ended = ? WHERE ended IS NULL", (time,))
            self.database.write("INSERT INTO resumptions (time, by) VALUES (?, ?)", (time, by))
            for trade in trades:
                self.database.write("INSERT OR IGNORE INTO looked_at VALUES (?, ?)", (trade, time))

    def looked_at(self) -> Collection[str]:
        rows = self.database.rows("SELECT signal_id FROM looked_at")
        return frozenset(str(name) for (name,) in rows)

    def resumed(self) -> int | None:
        row = self.database.row("SELECT time FROM resumptions ORDER BY number DESC LIMIT 1")
        return None if row is None else int(row[0])

    def since(self, time: int) -> Sequence[tuple[Halt, int | None]]:
        """Return the halts in force at some time since, each with its end (None: in force)."""
        rows = self.database.rows(
            "SELECT body, ended FROM halts WHERE ended IS NULL OR ended >= ? ORDER BY number",
            (time,),
        )
        return [(read_body(Halt, body), ended) for body, ended in rows]


class SqliteLockStore(InFile, LockStore):
    """Locks, with those that ended."""

    def current(self, now: int) -> Sequence[Lock]:
        return self.since(now + 1)

    def since(self, time: int) -> Sequence[Lock]:
        """Return the locks that end at `time` or later, oldest first."""
        sql = "SELECT body FROM locks WHERE until >= ? ORDER BY since, protection, symbol"
        return self._records(Lock, sql, (time,))

    def save(self, lock: Lock) -> None:
        key, until = (lock.protection, lock.symbol), lock.until or 0
        with self.database.transaction():
            row = self.database.row(
                "SELECT max(until) FROM locks WHERE protection = ? AND symbol = ?", key
            )
            if row is not None and (row[0] or 0) >= until:
                return
            self.database.write(
                "DELETE FROM locks WHERE protection = ? AND symbol = ? AND until > ?",
                (*key, lock.since),
            )
            self.database.write(
                "INSERT INTO locks (protection, symbol, since, until, body) VALUES (?, ?, ?, ?, ?)",
                (*key, lock.since, until, body_of(lock)),
            )


class SqliteHistoryStore(ArchiveStore):
    """Candle slices and detection state in the file (HistoryStore port)."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    def _write(self, key: str, body: bytes) -> None:
        self.database.write("INSERT OR REPLACE INTO archives VALUES (?, ?)", (key, body))

    def _read(self, key: str) -> bytes | None:
        row = self.database.row("SELECT body FROM archives WHERE key = ?", (key,))
        return None if row is None else bytes(row[0])
