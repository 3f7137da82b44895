"""The journal in the table.

A trade is written three times in one transaction: under its signal's id (with its orders), in the
list by creation time, and, while it needs care or halts entries, in the partition of live trades.
So every question is one Query or one GetItem, never a Scan.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.rows import Rows, rows_of_journal
from pumpwatch.domain.trading.trades import OrderRecord, RepairNote, Trade
from pumpwatch.errors import DuplicateOrder, LeaseLost, LimitReached
from pumpwatch.ports import Journal

from .codec import Write, from_item, marshal, put_of
from .table import ABSENT, Cancelled, ConditionFailed, Table, lease_key

ALL, LIVE, COUNT, INSTALLATION = "TRADES", "TRADES#LIVE", "ORDERS#DAY", "INSTALLATION"
TRADE, ORDER, REPAIR = "TRADE", "ORDER#", "REPAIR#"
LEASE_CHECK, ORDER_PUT = 0, 1
"""Positions of the conditional writes in a transaction."""


class DynamoJournal(Journal):
    """Trades and orders whose every write checks the lease."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._installation = ""

    def installation(self) -> str:
        if not self._installation:
            item = self._table.get(INSTALLATION, INSTALLATION) or self._make_installation()
            self._installation = str(item["letters"])
        return self._installation

    def _make_installation(self) -> Mapping[str, Any]:
        key = {"pk": INSTALLATION, "sk": INSTALLATION}
        letters = {"letters": secrets.token_hex(3)}
        with suppress(ConditionFailed):
            self._table.put(key | letters, condition=ABSENT)
        return self._table.get(INSTALLATION, INSTALLATION) or letters

    def live_trades(self) -> Rows[Trade]:
        return rows_of_journal(self._table.query(LIVE), partial(from_item, Trade))

    def trade(self, signal_id: str) -> Trade | None:
        item = self._table.get(_partition(signal_id), TRADE)
        return None if item is None else from_item(Trade, item)

    def trades_since(self, time: int) -> Rows[Trade]:
        items = self._table.query(ALL, start=f"{max(0, time):013d}")
        return rows_of_journal(items, partial(from_item, Trade))

    def orders(self, signal_id: str) -> Sequence[OrderRecord]:
        items = self._table.query(_partition(signal_id), prefix=ORDER)
        orders = [from_item(OrderRecord, item) for item in items]
        return sorted(orders, key=lambda order: (order.intended, order.attempt))

    def orders_on(self, day: str) -> int:
        item = self._table.get(COUNT, day)
        return 0 if item is None else int(item["count"])

    def intend(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, day: str, max_orders: int | None
    ) -> None:
        writes = [
            _lease_check(lease),
            _order_put(order, condition=ABSENT),
            _count_update(day, max_orders),
            *_trade_writes(trade),
        ]
        try:
            self._table.transact(writes)
        except Cancelled as error:
            failed = error.failed
        else:
            return
        if LEASE_CHECK in failed:
            raise _lost(lease)
        if ORDER_PUT in failed:
            name = order.request.order_id
            raise DuplicateOrder(f"the intent of order {name} exists already", code=0)
        raise LimitReached(f"{max_orders} orders were intended on {day} already")

    def settle(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, repair: RepairNote | None = None
    ) -> None:
        writes = [_lease_check(lease), _order_put(order), *_trade_writes(trade)]
        self._write(writes + _repair_puts(trade, repair), lease)

    def save(self, trade: Trade, lease: Lease, *, repair: RepairNote | None = None) -> None:
        writes = [_lease_check(lease), *_trade_writes(trade)]
        self._write(writes + _repair_puts(trade, repair), lease)

    def repairs(self, signal_id: str) -> Sequence[RepairNote]:
        items = self._table.query(_partition(signal_id), prefix=REPAIR)
        return [from_item(RepairNote, item) for item in items]

    def _write(self, writes: Sequence[Write], lease: Lease) -> None:
        try:
            self._table.transact(writes)
        except Cancelled:
            raise _lost(lease) from None


def _partition(signal_id: str) -> str:
    return f"{TRADE}#{signal_id}"


def _lost(lease: Lease) -> LeaseLost:
    return LeaseLost(f"lease {lease.name} of {lease.owner} was taken over")


def _lease_check(lease: Lease) -> Write:
    """Return the check of owner and token.

    The lease's end is not checked: clocks differ, and a new run that takes over a lease that ran
    out makes the token grow. Until then no other run writes, and the function's time-out kills a
    run before its lease ends.
    """
    partition, sort = lease_key(lease.name)
    return {
        "ConditionCheck": {
            "Key": marshal({"pk": partition, "sk": sort}),
            "ConditionExpression": "#owner = :owner AND #token = :token",
            "ExpressionAttributeNames": {"#owner": "owner", "#token": "token"},
            "ExpressionAttributeValues": marshal({":owner": lease.owner, ":token": lease.token}),
        }
    }


def _order_put(order: OrderRecord, *, condition: str = "") -> Write:
    key = {"pk": _partition(order.signal_id), "sk": f"{ORDER}{order.request.order_id}"}
    return put_of(key, order, condition=condition)


def _repair_puts(trade: Trade, repair: RepairNote | None) -> list[Write]:
    if repair is None:
        return []
    sort = f"{REPAIR}{repair.time:013d}#{repair.kind}"
    return [put_of({"pk": _partition(trade.signal_id), "sk": sort}, repair)]


def _count_update(day: str, max_orders: int | None) -> Write:
    update: dict[str, Any] = {
        "Key": marshal({"pk": COUNT, "sk": day}),
        "UpdateExpression": "ADD #count :one",
        "ExpressionAttributeNames": {"#count": "count"},
        "ExpressionAttributeValues": marshal({":one": 1, ":limit": max_orders}),
    }
    if max_orders is not None:
        none_yet = "attribute_not_exists(#count)" if max_orders > 0 else "pk = :one"
        update["ConditionExpression"] = f"{none_yet} OR #count < :limit"
    return {"Update": update}


def _trade_writes(trade: Trade) -> list[Write]:
    by_time = f"{trade.created:013d}#{trade.signal_id}"
    live = {"pk": LIVE, "sk": by_time}
    return [
        put_of({"pk": _partition(trade.signal_id), "sk": TRADE}, trade),
        put_of({"pk": ALL, "sk": by_time}, trade),
        put_of(live, trade) if trade.unfinished else {"Delete": {"Key": marshal(live)}},
    ]
