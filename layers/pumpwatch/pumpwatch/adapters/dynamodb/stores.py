"""Signals, events, leases and the halt flag in the table."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence

from pumpwatch.domain.detection.signals import PumpEvent, Signal
from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.errors import LeaseHeld

from .codec import from_item, marshal, to_item
from .table import Cancelled, ConditionFailed, Table, lease_key

logger = logging.getLogger(__name__)

SIGNALS, EVENTS, LOCKS, HALT = "SIGNAL", "EVENT", "LOCK", "HALT"
SIGNAL_DAYS = 30
DAY_SECONDS = 86_400
HALT_NAMES = {
    "#reason": "reason",
    "#since": "since",
    "#by": "by",
    "#close": "close_positions",
}
ABSENT = "attribute_not_exists(pk)"


class DynamoSignalStore:
    """Signals by time in partition SIGNAL, whose inserts the stream reports (SignalStore port).

    A second item, keyed by the signal's id alone, makes the id unique whatever time it carries.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def publish(self, signal: Signal) -> bool:
        """Store the signal; return False when its id was there already."""
        expires = signal.time // 1000 + SIGNAL_DAYS * DAY_SECONDS
        mark = {"pk": f"{SIGNALS}#{signal.signal_id}", "sk": SIGNALS, "expires_at": expires}
        item = {
            "pk": SIGNALS,
            "sk": f"{signal.time:013d}#{signal.signal_id}",
            "expires_at": expires,
            **to_item(signal),
        }
        try:
            self._table.transact(
                [
                    {"Put": {"Item": marshal(mark), "ConditionExpression": ABSENT}},
                    {"Put": {"Item": marshal(item)}},
                ]
            )
        except Cancelled:
            return False
        return True

    def since(self, time: int) -> Sequence[Signal]:
        """Return the signals with `signal.time >= time`, oldest first."""
        found = self._table.query(SIGNALS, start=f"{max(0, time):013d}")
        return [from_item(Signal, item) for item in found]


class DynamoEventStore:
    """The latest event of each symbol (EventStore port)."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self) -> Sequence[PumpEvent]:
        """Return the stored events, by symbol."""
        return [from_item(PumpEvent, item) for item in self._table.query(EVENTS)]

    def save(self, event: PumpEvent) -> None:
        """Store the event, replacing the symbol's former one."""
        self._table.put({"pk": EVENTS, "sk": event.symbol, **to_item(event)})

    def remove(self, event: PumpEvent) -> None:
        """Forget the event; another event of the symbol is left alone."""
        values = {":event": event.event_id}
        try:
            self._table.delete(EVENTS, event.symbol, condition="event_id = :event", values=values)
        except ConditionFailed:
            logger.info("event was gone already", extra={"event_id": event.event_id})


class DynamoLeaseStore:
    """Leases with a token that grows for ever (LeaseStore port). `wall` gives Unix seconds."""

    def __init__(self, table: Table, wall: Callable[[], float] = time.time) -> None:
        self._table = table
        self._wall = wall

    def acquire(self, name: str, *, owner: str, seconds: float) -> Lease:
        """Take the lease if it is free or ran out. Raises `LeaseHeld`."""
        now = int(self._wall() * 1000)
        try:
            item = self._table.update(
                *lease_key(name),
                "SET #owner = :owner, #ends = :ends ADD #token :one",
                {":owner": owner, ":ends": now + int(seconds * 1000), ":one": 1, ":now": now},
                condition="attribute_not_exists(#owner) OR #ends <= :now",
                names={"#owner": "owner", "#ends": "ends", "#token": "token"},
            )
        except ConditionFailed as error:
            held_by = (error.item or {}).get("owner", "another run")
            raise LeaseHeld(f"lease {name} is held by {held_by}") from None
        return Lease(name, owner, int(item["token"]))

    def release(self, lease: Lease) -> None:
        """Give the lease back; a lease that was lost meanwhile is left alone."""
        try:
            self._table.update(
                *lease_key(lease.name),
                "REMOVE #owner",
                {":owner": lease.owner, ":token": lease.token},
                condition="#owner = :owner AND #token = :token",
                names={"#owner": "owner", "#token": "token"},
            )
        except ConditionFailed:
            logger.warning("lease was lost before its release", extra={"lease": lease.name})


class DynamoHaltStore:
    """The halt flag: one item, present while entries are stopped (HaltStore port)."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self) -> Halt | None:
        """Return the halt in force, or None."""
        item = self._table.get(HALT, HALT)
        return None if item is None or "reason" not in item else from_item(Halt, item)

    def halt(self, halt: Halt) -> None:
        """Stop entries; an earlier halt keeps its reason and time, and may be told to close."""
        try:
            self._table.update(
                HALT,
                HALT,
                "SET #reason = :reason, #since = :since, #by = :by, #close = :close",
                {
                    ":reason": halt.reason,
                    ":since": halt.since,
                    ":by": halt.by,
                    ":close": halt.close_positions,
                },
                condition="attribute_not_exists(#reason)",
                names=HALT_NAMES,
            )
        except ConditionFailed:
            logger.info("halted already", extra={"reason": halt.reason})
            if halt.close_positions:
                self._ask_to_close()

    def _ask_to_close(self) -> None:
        """Let the halt in force close positions too, if it was not lifted meanwhile."""
        names = {name: HALT_NAMES[name] for name in ("#reason", "#close")}
        try:
            self._table.update(
                HALT,
                HALT,
                "SET #close = :close",
                {":close": True},
                condition="attribute_exists(#reason)",
                names=names,
            )
        except ConditionFailed:
            logger.warning("the halt was lifted meanwhile: nothing is closed")

    def resume(self, *, by: str, time: int, trades: Collection[str] = ()) -> None:
        """Allow entries again; who did it, when, and the trades looked at stay on the item."""
        values: dict[str, object] = {":by": by, ":time": time}
        seen = ""
        if trades:
            values[":trades"], seen = set(trades), " ADD looked_at :trades"
        self._table.update(
            HALT,
            HALT,
            f"SET resumed_by = :by, resumed = :time REMOVE #reason, #since, #by, #close{seen}",
            values,
            names=HALT_NAMES,
        )
        logger.warning("entries allowed again", extra={"resumed_by": by})

    def resumed(self) -> int | None:
        """Return when a person last resumed."""
        item = self._table.get(HALT, HALT)
        return None if item is None or "resumed" not in item else int(item["resumed"])

    def looked_at(self) -> Collection[str]:
        """Return the ids of the halting trades that people have looked at."""
        item = self._table.get(HALT, HALT)
        return frozenset() if item is None else frozenset(item.get("looked_at", ()))


class DynamoLockStore:
    """Locks in partition LOCK by protection and symbol; the table forgets them a day after their
    end (LockStore port)."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self, now: int) -> Sequence[Lock]:
        """Return the locks in force at `now`, oldest first."""
        found = [from_item(Lock, item) for item in self._table.query(LOCKS)]
        alive = [lock for lock in found if lock.until is not None and now < lock.until]
        return sorted(alive, key=lambda lock: (lock.since, lock.protection, lock.symbol))

    def save(self, lock: Lock) -> None:
        """Store the lock; a later end is never replaced by an earlier one."""
        until = lock.until or 0
        item = {
            "pk": LOCKS,
            "sk": f"{lock.protection}#{lock.symbol}",
            "expires_at": until // 1000 + DAY_SECONDS,
            **to_item(lock),
        }
        try:
            self._table.put(
                item,
                condition="attribute_not_exists(pk) OR #until < :until",
                names={"#until": "until"},
                values={":until": until},
            )
        except ConditionFailed:
            logger.info("locked longer already", extra={"protection": lock.protection})
