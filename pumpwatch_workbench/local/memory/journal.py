"""The journal of intents, orders and trades, kept in this process."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.trades import OrderRecord, RepairNote, Trade
from pumpwatch.errors import DuplicateOrder, LimitReached

from .stores import MemoryLeaseStore


class MemoryJournal:
    """Trades and orders whose every write checks the lease (Journal port)."""

    def __init__(self, leases: MemoryLeaseStore, installation: str = "memory") -> None:
        self._leases = leases
        self._installation = installation
        self._trades: dict[str, Trade] = {}
        self._orders: dict[str, OrderRecord] = {}
        self._counts: Counter[str] = Counter()
        self._repairs: defaultdict[str, list[RepairNote]] = defaultdict(list)

    def installation(self) -> str:
        """Return the letters that were given."""
        return self._installation

    def live_trades(self) -> Sequence[Trade]:
        """Return the trades that need care or halt entries, oldest first."""
        return [trade for trade in self.trades_since(0) if trade.unfinished]

    def trade(self, signal_id: str) -> Trade | None:
        """Return the signal's trade."""
        return self._trades.get(signal_id)

    def trades_since(self, time: int) -> Sequence[Trade]:
        """Return the trades created from `time` on, oldest first."""
        trades = [trade for trade in self._trades.values() if trade.created >= time]
        return sorted(trades, key=lambda trade: (trade.created, trade.signal_id))

    def orders(self, signal_id: str) -> Sequence[OrderRecord]:
        """Return the orders of a trade, oldest first."""
        orders = [order for order in self._orders.values() if order.signal_id == signal_id]
        return sorted(orders, key=lambda order: (order.intended, order.attempt))

    def orders_on(self, day: str) -> int:
        """Return how many orders were intended on a UTC day."""
        return self._counts[day]

    def intend(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, day: str, max_orders: int | None
    ) -> None:
        """Store the trade and its order's intent together, and count it."""
        self._leases.check(lease)
        if order.request.order_id in self._orders:
            raise DuplicateOrder(
                f"the intent of order {order.request.order_id} exists already", code=0
            )
        if max_orders is not None and self._counts[day] >= max_orders:
            raise LimitReached(f"{max_orders} orders were intended on {day} already")
        self._orders[order.request.order_id] = order
        self._trades[trade.signal_id] = trade
        self._counts[day] += 1

    def settle(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, repair: RepairNote | None = None
    ) -> None:
        """Store an order's outcome, the trade that follows from it and the repair, together."""
        self._leases.check(lease)
        self._orders[order.request.order_id] = order
        self._store(trade, repair)

    def save(self, trade: Trade, lease: Lease, *, repair: RepairNote | None = None) -> None:
        """Store the trade, and the repair that changed it."""
        self._leases.check(lease)
        self._store(trade, repair)

    def repairs(self, signal_id: str) -> Sequence[RepairNote]:
        """Return what was put right in a trade, oldest first."""
        return sorted(self._repairs[signal_id], key=lambda note: (note.time, note.kind))

    def _store(self, trade: Trade, repair: RepairNote | None) -> None:
        self._trades[trade.signal_id] = trade
        if repair is not None:
            self._repairs[trade.signal_id].append(repair)
