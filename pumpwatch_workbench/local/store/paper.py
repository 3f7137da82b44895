"""The paper account in the file: one row for the account, one for each order and fill."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from pumpwatch.adapters.paper.account import PaperPosition, PaperState, PaperStore
from pumpwatch.adapters.records import read_record, record_fields
from pumpwatch.domain.trading.orders import Fill, OrderStatus
from pumpwatch.errors import DuplicateOrder, StoreUnavailable

from .bodies import InFile, body_of, json_of, read_json


class SqlitePaperStore(InFile, PaperStore):
    """Keeps the paper account beside the journal."""

    def load(self) -> PaperState:
        row = self.database.row("SELECT version, body FROM paper_account")
        if row is None:
            return PaperState()
        version, account = row[0], read_json(row[1])
        positions = {
            symbol: read_record(PaperPosition, value, where=f"the paper position of {symbol}")
            for symbol, value in account["positions"].items()
        }
        leverages = {symbol: Decimal(value) for symbol, value in account["leverages"].items()}
        return PaperState(version, Decimal(account["realised"]), positions, leverages)

    def commit(
        self,
        before: PaperState,
        after: PaperState,
        *,
        orders: Sequence[OrderStatus] = (),
        fills: Sequence[Fill] = (),
    ) -> PaperState:
        version = before.version + 1
        with self.database.transaction():
            row = self.database.row("SELECT version FROM paper_account")
            if (row[0] if row is not None else 0) != before.version:
                raise StoreUnavailable("the paper account was changed by another run")
            for order in orders:
                self._put_order(order)
            for fill in fills:
                self.database.write(
                    "INSERT OR REPLACE INTO paper_fills VALUES (?, ?, ?, ?)",
                    (fill.symbol, fill.time, fill.execution_id, body_of(fill)),
                )
            self.database.write(
                "INSERT OR REPLACE INTO paper_account VALUES (1, ?, ?)", (version, _body(after))
            )
        return PaperState(version, after.realised, dict(after.positions), dict(after.leverages))

    def order(self, order_id: str) -> OrderStatus | None:
        sql = "SELECT body FROM paper_orders WHERE order_id = ?"
        return self._record(OrderStatus, sql, (order_id,))

    def fills(self, symbol: str, *, since: int) -> Sequence[Fill]:
        sql = (
            "SELECT body FROM paper_fills WHERE symbol = ? AND time >= ?"
            " ORDER BY time, execution_id"
        )
        return self._records(Fill, sql, (symbol, since))

    def _put_order(self, order: OrderStatus) -> None:
        stored = self.database.write(
            "INSERT OR IGNORE INTO paper_orders VALUES (?, ?)", (order.order_id, body_of(order))
        )
        if not stored:
            raise DuplicateOrder(f"order {order.order_id} exists already", code=0)


def _body(state: PaperState) -> str:
    return json_of(
        {
            "realised": state.realised,
            "positions": {
                symbol: record_fields(position) for symbol, position in state.positions.items()
            },
            "leverages": dict(state.leverages),
        }
    )
