"""The paper account kept in this process."""

from __future__ import annotations

from collections.abc import Sequence

from pumpwatch.adapters.paper.account import PaperState
from pumpwatch.domain.trading.orders import Fill, OrderStatus
from pumpwatch.errors import DuplicateOrder, StoreUnavailable


class MemoryPaperStore:
    """Keep the account until the process ends (PaperStore port)."""

    def __init__(self) -> None:
        self._state = PaperState()
        self._orders: dict[str, OrderStatus] = {}
        self._fills: list[Fill] = []

    def load(self) -> PaperState:
        """Return the account as it was committed last."""
        return self._state

    def commit(
        self,
        before: PaperState,
        after: PaperState,
        *,
        orders: Sequence[OrderStatus] = (),
        fills: Sequence[Fill] = (),
    ) -> PaperState:
        """Store everything or nothing."""
        for order in orders:
            if order.order_id in self._orders:
                raise DuplicateOrder(f"order {order.order_id} exists already", code=0)
        if before.version != self._state.version:
            raise StoreUnavailable("the paper account was changed by another run")
        self._state = PaperState(
            before.version + 1, after.realised, dict(after.positions), dict(after.leverages)
        )
        self._orders |= {order.order_id: order for order in orders}
        self._fills += fills
        return self._state

    def order(self, order_id: str) -> OrderStatus | None:
        """Return an order by our id."""
        return self._orders.get(order_id)

    def fills(self, symbol: str, *, since: int) -> Sequence[Fill]:
        """Return the symbol's fills from `since` on, oldest first."""
        found = [fill for fill in self._fills if fill.symbol == symbol and fill.time >= since]
        return sorted(found, key=lambda fill: (fill.time, fill.execution_id))
