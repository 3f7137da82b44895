"""What trading keeps: the journal, the halt flag, the pauses."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pumpwatch.domain.trading.protections import Lock
    from pumpwatch.domain.trading.trades import OrderRecord, RepairNote, Trade

    from .leases import Lease

__all__ = ["Halt", "HaltStore", "Journal", "LockStore"]


class Journal(Protocol):
    """The durable record of intents, orders and trades. Every write checks the lease."""

    def installation(self) -> str:
        """Return this journal's six letters, made once: its orders carry them, see `order_id_for`.

        Two deployments on one account are told apart by it.
        """

    def live_trades(self) -> Sequence[Trade]:
        """Return the trades that still need care, and ended ones that halt entries."""

    def trade(self, signal_id: str) -> Trade | None:
        """Return the signal's trade."""

    def trades_since(self, time: int) -> Sequence[Trade]:
        """Return the trades created from `time` on, oldest first (any state)."""

    def orders(self, signal_id: str) -> Sequence[OrderRecord]:
        """Return the orders of a trade, oldest first."""

    def orders_on(self, day: str) -> int:
        """Return how many orders were intended on a UTC day (`YYYY-MM-DD`)."""

    def intend(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, day: str, max_orders: int | None
    ) -> None:
        """Store trade and intent, counting it, in one transaction that checks the lease.

        Raises `LeaseLost`; `LimitReached` when the day's count has reached `max_orders` (None:
        exits are counted and never refused); `DuplicateOrder` when the intent exists already.
        """

    def settle(
        self, trade: Trade, order: OrderRecord, lease: Lease, *, repair: RepairNote | None = None
    ) -> None:
        """Store an order's outcome, the trade that follows and the repair it was, together.

        Raises `LeaseLost`.
        """

    def save(self, trade: Trade, lease: Lease, *, repair: RepairNote | None = None) -> None:
        """Store the trade, and the repair that changed it. Raises `LeaseLost`."""

    def repairs(self, signal_id: str) -> Sequence[RepairNote]:
        """Return what was put right in a trade, oldest first."""


@dataclass(frozen=True, slots=True)
class Halt:
    """Entries are stopped until a person resumes."""

    reason: str
    since: int
    by: str = ""
    close_positions: bool = False
    """Whether trade must also close its own positions at market."""


class HaltStore(Protocol):
    """The persisted halt flag."""

    def current(self) -> Halt | None:
        """Return the halt in force, or None."""

    def halt(self, halt: Halt) -> None:
        """Stop entries; an earlier halt keeps its reason and time, and may be told to close."""

    def resume(self, *, by: str, time: int, trades: Collection[str] = ()) -> None:
        """Allow entries again. `trades` are the signal ids of halting trades that were looked at;
        they stay on record beside those of earlier times.
        """

    def looked_at(self) -> Collection[str]:
        """Return the signal ids of the halting trades that people have looked at."""

    def resumed(self) -> int | None:
        """Return when a person last resumed: protections do not look back beyond it."""


class LockStore(Protocol):
    """Pauses that protections have set. They end by themselves."""

    def current(self, now: int) -> Sequence[Lock]:
        """Return the locks in force at `now` (milliseconds UTC), oldest first."""

    def save(self, lock: Lock) -> None:
        """Store the lock; one of the same protection and symbol is replaced by a later end only."""
