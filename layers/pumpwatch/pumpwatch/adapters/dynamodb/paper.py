"""The paper account in the table: one item for the account, one for each order and fill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pumpwatch.adapters.paper.account import PaperPosition, PaperState, PaperStore
from pumpwatch.domain.trading.orders import Fill, OrderStatus
from pumpwatch.errors import DuplicateOrder, StoreUnavailable

from .codec import Write, from_item, marshal, put_of, to_item
from .table import ABSENT, Cancelled, Table

ACCOUNT, ORDER, FILL = "PAPER", "PAPER#ORDER", "PAPER#FILL"
KEEP_SECONDS = 90 * 86_400


class DynamoPaperStore(PaperStore):
    """Keeps the paper account beside the journal."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def load(self) -> PaperState:
        item = self._table.get(ACCOUNT, ACCOUNT)
        if item is None:
            return PaperState()
        positions = item.get("positions")
        if positions is not None:
            # Each by itself: what was None in it is not stored.
            positions = {
                name: from_item(PaperPosition, fields) for name, fields in positions.items()
            }
        return from_item(PaperState, {**item, "positions": positions})

    def commit(
        self,
        before: PaperState,
        after: PaperState,
        *,
        orders: Sequence[OrderStatus] = (),
        fills: Sequence[Fill] = (),
    ) -> PaperState:
        version = before.version + 1
        account = {
            "pk": ACCOUNT,
            "sk": ACCOUNT,
            "version": version,
            "realised": after.realised,
            "positions": {name: to_item(position) for name, position in after.positions.items()},
            "leverages": dict(after.leverages),
        }
        writes = [_if_unchanged(account, before.version)]
        writes += [_new_order(order) for order in orders]
        writes += [_new_fill(fill) for fill in fills]
        try:
            self._table.transact(writes)
        except Cancelled as error:
            unchanged = 0 not in error.failed
        else:
            return PaperState(version, after.realised, after.positions, after.leverages)
        if unchanged:
            raise DuplicateOrder("an order with this id exists already", code=0)
        raise StoreUnavailable("the paper account was changed by another run")

    def order(self, order_id: str) -> OrderStatus | None:
        item = self._table.get(ORDER, order_id)
        return None if item is None else from_item(OrderStatus, item)

    def fills(self, symbol: str, *, since: int) -> Sequence[Fill]:
        items = self._table.query(f"{FILL}#{symbol}", start=f"{max(0, since):013d}")
        return [from_item(Fill, item) for item in items]


def _if_unchanged(account: Mapping[str, object], version: int) -> Write:
    put: dict[str, Any] = {"Item": marshal(account), "ConditionExpression": ABSENT}
    if version:
        put["ConditionExpression"] = "#v = :version"
        put["ExpressionAttributeNames"] = {"#v": "version"}
        put["ExpressionAttributeValues"] = marshal({":version": version})
    return {"Put": put}


def _new_order(order: OrderStatus) -> Write:
    expires = order.created // 1000 + KEEP_SECONDS
    key = {"pk": ORDER, "sk": order.order_id, "expires_at": expires}
    return put_of(key, order, condition=ABSENT)


def _new_fill(fill: Fill) -> Write:
    key = {
        "pk": f"{FILL}#{fill.symbol}",
        "sk": f"{fill.time:013d}#{fill.execution_id}",
        "expires_at": fill.time // 1000 + KEEP_SECONDS,
    }
    return put_of(key, fill)
