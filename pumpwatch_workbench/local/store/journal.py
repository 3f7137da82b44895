"""The journal in the file: every write checks the lease in the transaction that it is part of."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from functools import partial

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.rows import Rows, rows_of_journal
from pumpwatch.domain.trading.trades import OrderRecord, RepairNote, Trade
from pumpwatch.errors import DuplicateOrder, LimitReached
from pumpwatch.ports import Journal

from .bodies import InFile, body_of, read_body
from .stores import check_lease

INSTALLATION = "installation"
"""The note that keeps the journal's letters."""


class SqliteJournal(InFile, Journal):
    """Trades and orders whose every write checks the lease."""

    def installation(self) -> str:
        sql = "SELECT value FROM notes WHERE key = ?"
        row = self.database.row(sql, (INSTALLATION,))
        if row is None:
            letters = secrets.token_hex(3)
            self.database.write(
                "INSERT OR IGNORE INTO notes VALUES (?, ?)", (INSTALLATION, letters)
            )
            row = self.database.row(sql, (INSTALLATION,)) or (letters,)
        return str(row[0])

    def live_trades(self) -> Rows[Trade]:
        sql = "SELECT body FROM trades WHERE live = 1 ORDER BY created, signal_id"
        return self._trades(sql)

    def trade(self, signal_id: str) -> Trade | None:
        return self._record(Trade, "SELECT body FROM trades WHERE signal_id = ?", (signal_id,))

    def trades_since(self, time: int) -> Rows[Trade]:
        sql = "SELECT body FROM trades WHERE created >= ? ORDER BY created, signal_id"
        return self._trades(sql, time)

    def _trades(self, sql: str, *values: object) -> Rows[Trade]:
        bodies = [body for (body,) in self.database.rows(sql, values)]
        return rows_of_journal(bodies, partial(read_body, Trade))

    def orders(self, signal_id: str) -> Sequence[OrderRecord]:
        sql = "SELECT body FROM orders WHERE signal_id = ?"
        orders = self._records(OrderRecord, sql, (signal_id,))
        return sorted(orders, key=lambda order: (order.intended, order.attempt))

    def orders_since(self, time: int) -> Sequence[OrderRecord]:
        """Return the orders of all trades created from `time` on, in one question."""
        sql = (
            "SELECT orders.body FROM orders JOIN trades USING (signal_id) WHERE created >= ?"
            " ORDER BY created, signal_id"
        )
        return self._records(OrderRecord, sql, (time,))

    def orders_on(self, day: str) -> int:
        row = self.database.row("SELECT count FROM orders_of_day WHERE day = ?", (day,))
        return 0 if row is None else int(row[0])

    def intend(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, day: str, max_orders: int | None
    ) -> None:
        with self.database.transaction():
            check_lease(self.database, lease)
            name = order.request.order_id
            if self.database.row("SELECT 1 FROM orders WHERE order_id = ?", (name,)):
                raise DuplicateOrder(f"the intent of order {name} exists already", code=0)
            if max_orders is not None and self.orders_on(day) >= max_orders:
                raise LimitReached(f"{max_orders} orders were intended on {day} already")
            self._put_order(order)
            self._put_trade(trade)
            self.database.write(
                "INSERT INTO orders_of_day VALUES (?, 1)"
                " ON CONFLICT (day) DO UPDATE SET count = count + 1",
                (day,),
            )

    def settle(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, repair: RepairNote | None = None
    ) -> None:
        with self.database.transaction():
            check_lease(self.database, lease)
            self._put_order(order)
            self._put_trade(trade)
            self._put_repair(trade, repair)

    def save(self, trade: Trade, lease: Lease, *, repair: RepairNote | None = None) -> None:
        with self.database.transaction():
            check_lease(self.database, lease)
            self._put_trade(trade)
            self._put_repair(trade, repair)

    def repairs(self, signal_id: str) -> Sequence[RepairNote]:
        sql = "SELECT body FROM repairs WHERE signal_id = ? ORDER BY time, kind"
        return self._records(RepairNote, sql, (signal_id,))

    def repairs_since(self, time: int) -> Sequence[tuple[str, RepairNote]]:
        """Return the repairs from `time` on, oldest first, each with the id of its signal."""
        sql = "SELECT signal_id, body FROM repairs WHERE time >= ? ORDER BY time, kind"
        rows = self.database.rows(sql, (time,))
        return [(name, read_body(RepairNote, body)) for name, body in rows]

    def _put_order(self, order: OrderRecord) -> None:
        values = (order.request.order_id, order.signal_id, body_of(order))
        self.database.write("INSERT OR REPLACE INTO orders VALUES (?, ?, ?)", values)

    def _put_trade(self, trade: Trade) -> None:
        values = (trade.signal_id, trade.created, int(trade.unfinished), body_of(trade))
        self.database.write("INSERT OR REPLACE INTO trades VALUES (?, ?, ?, ?)", values)

    def _put_repair(self, trade: Trade, repair: RepairNote | None) -> None:
        if repair is not None:
            values = (trade.signal_id, repair.time, repair.kind, body_of(repair))
            self.database.write("INSERT OR REPLACE INTO repairs VALUES (?, ?, ?, ?)", values)
