"""Signals, events and leases in the table."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Sequence

from pumpwatch.domain.detection.signals import PumpEvent, Signal
from pumpwatch.domain.lease import Lease
from pumpwatch.errors import LeaseHeld
from pumpwatch.ports import EventStore, LeaseStore, SignalStore

from .codec import from_item, marshal, put_of, to_item
from .table import ABSENT, Cancelled, ConditionFailed, Table, lease_key

logger = logging.getLogger(__name__)

SIGNALS, EVENTS = "SIGNAL", "EVENT"
SIGNAL_DAYS = 30
DAY_SECONDS = 86_400


class DynamoSignalStore(SignalStore):
    """Signals by time in partition SIGNAL, whose inserts the stream reports.

    A second item, keyed by the signal's id alone, makes the id unique whatever time it carries.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def publish(self, signal: Signal) -> bool:
        expires = signal.time // 1000 + SIGNAL_DAYS * DAY_SECONDS
        mark = {"pk": f"{SIGNALS}#{signal.signal_id}", "sk": SIGNALS, "expires_at": expires}
        sort = f"{signal.time:013d}#{signal.signal_id}"
        key = {"pk": SIGNALS, "sk": sort, "expires_at": expires}
        only_new = {"Put": {"Item": marshal(mark), "ConditionExpression": ABSENT}}
        try:
            self._table.transact([only_new, put_of(key, signal)])
        except Cancelled:
            return False
        return True

    def since(self, time: int) -> Sequence[Signal]:
        items = self._table.query(SIGNALS, start=f"{max(0, time):013d}")
        return [from_item(Signal, item) for item in items]


class DynamoEventStore(EventStore):
    """The latest event of each symbol."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self) -> Sequence[PumpEvent]:
        return [from_item(PumpEvent, item) for item in self._table.query(EVENTS)]

    def save(self, event: PumpEvent) -> None:
        self._table.put({"pk": EVENTS, "sk": event.symbol, **to_item(event)})

    def remove(self, event: PumpEvent) -> None:
        values = {":event": event.event_id}
        try:
            self._table.delete(EVENTS, event.symbol, condition="event_id = :event", values=values)
        except ConditionFailed:
            logger.info("event was gone already", extra={"event_id": event.event_id})


class DynamoLeaseStore(LeaseStore):
    """Leases with a token that grows for ever. `wall` gives Unix seconds."""

    def __init__(self, table: Table, wall: Callable[[], float] = time.time) -> None:
        self._table = table
        self._wall = wall

    def acquire(self, name: str, *, owner: str, seconds: float) -> Lease:
        now, request = int(self._wall() * 1000), secrets.token_hex(4)
        ends = now + int(seconds * 1000)
        try:
            item = self._table.update(
                *lease_key(name),
                "SET #owner = :owner, #ends = :ends, #request = :request ADD #token :one",
                {":owner": owner, ":ends": ends, ":request": request, ":one": 1, ":now": now},
                condition="attribute_not_exists(#owner) OR #ends <= :now",
                names={f"#{key}": key for key in ("owner", "ends", "request", "token")},
            )
        except ConditionFailed as error:
            item = error.item or {}
            # Where the answer to a request was lost, botocore sent it a second time.
            if item.get("request") != request:
                held_by = item.get("owner", "another run")
                raise LeaseHeld(f"lease {name} is held by {held_by}") from None
        return Lease(name, owner, int(item["token"]), str(item.get("mark", "")))

    def release(self, lease: Lease) -> None:
        names = {"#owner": "owner", "#token": "token"}
        values: dict[str, object] = {":owner": lease.owner, ":token": lease.token}
        expression = "REMOVE #owner"
        if lease.mark:
            names["#mark"], values[":mark"] = "mark", lease.mark
            expression += " SET #mark = :mark"
        try:
            self._table.update(
                *lease_key(lease.name),
                expression,
                values,
                condition="#owner = :owner AND #token = :token",
                names=names,
            )
        except ConditionFailed as error:
            # Under our token without an owner: released by a request whose answer was lost.
            if (error.item or {}).get("token") != lease.token:
                logger.warning("lease was lost before its release", extra={"lease": lease.name})
