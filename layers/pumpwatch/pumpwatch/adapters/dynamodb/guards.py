"""The halt flag, requests to close, and the locks, in the table."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from pumpwatch.domain.trading.halt import CloseRequest, Halt, Instructions
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.ports import HaltStore, LockStore

from .codec import from_item, to_item
from .table import ConditionFailed, Table

logger = logging.getLogger(__name__)

LOCKS, HALT = "LOCK", "HALT"
DAY_SECONDS = 86_400
HALT_NAMES = {
    "#reason": "reason",
    "#since": "since",
    "#by": "by",
    "#close": "close_positions",
}


TO_CLOSE = "close#"
"""Prefix of a request's attribute; the trade's signal id follows."""


class DynamoHaltStore(HaltStore):
    """One item: the halt in force, and an attribute for each request to close a trade."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def instructions(self) -> Instructions:
        item = self._table.get(HALT, HALT) or {}
        requests = [
            from_item(CloseRequest, stored)
            for name, stored in item.items()
            if name.startswith(TO_CLOSE)
        ]
        return Instructions(
            from_item(Halt, item) if "reason" in item else None,
            {request.signal_id: request for request in requests},
        )

    def ask_to_close(self, request: CloseRequest) -> None:
        names = {"#request": TO_CLOSE + request.signal_id}
        values = {":request": to_item(request)}
        self._table.update(HALT, HALT, "SET #request = :request", values, names=names)

    def drop_requests(self, signal_ids: Collection[str]) -> None:
        names = {f"#r{number}": TO_CLOSE + name for number, name in enumerate(signal_ids)}
        if names:
            self._table.update(HALT, HALT, f"REMOVE {', '.join(names)}", {}, names=names)

    def halt(self, halt: Halt) -> None:
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
        item = self._table.get(HALT, HALT)
        return None if item is None or "resumed" not in item else int(item["resumed"])

    def looked_at(self) -> Collection[str]:
        item = self._table.get(HALT, HALT)
        return frozenset() if item is None else frozenset(item.get("looked_at", ()))


class DynamoLockStore(LockStore):
    """Locks in partition LOCK by protection and symbol; they expire a day after their end."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def current(self, now: int) -> Sequence[Lock]:
        locks = [from_item(Lock, item) for item in self._table.query(LOCKS)]
        alive = [lock for lock in locks if lock.until is not None and now < lock.until]
        return sorted(alive, key=lambda lock: (lock.since, lock.protection, lock.symbol))

    def save(self, lock: Lock) -> None:
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
