"""The exchange's private side, and how well it has answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from decimal import Decimal

    from pumpwatch.domain.trading.access import Access
    from pumpwatch.domain.trading.orders import (
        Account,
        Fill,
        OrderRequest,
        OrderStatus,
        Position,
        StopTrigger,
    )
    from pumpwatch.domain.trading.protections import Health
    from pumpwatch.domain.trading.rows import Rows

__all__ = ["Broker", "ExchangeHealth"]


class Broker(Protocol):
    """The exchange's private side, or the paper one. Our positions are linear, in one-way mode.

    Lists are read row by row: a row that cannot be read is in the answer's `unreadable` and takes
    no other row with it.
    """

    def account(self) -> Account:
        """Return the account's money."""

    def positions(self, symbol: str = "") -> Rows[Position]:
        """Return every open position, ours or not; with a symbol those of that symbol."""

    def open_orders(self) -> Rows[OrderStatus]:
        """Return every order that can still be filled, protections included.

        An order in a state that is new to us is open.
        """

    def place(self, request: OrderRequest) -> str:
        """Send the order once and return the exchange's id for it: accepted, not filled.

        Raises `DuplicateOrder`, `Rejected`, `OutcomeUnknown` when no answer says what happened, or
        `RetryLater` when nothing was sent (`DeadlineNear` once `request.send_by` has passed).
        """

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        """Look in open orders, history and executions for our id; None when all three are empty.

        Raises `UnreadableAnswer` when the order is there and its row cannot be read.
        """

    def fills(self, symbol: str, *, since: int) -> Rows[Fill]:
        """Return the symbol's executions from `since` on, oldest first, all pages."""

    def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage; already set is a success. Raises `Rejected`."""

    def set_protection(
        self,
        symbol: str,
        *,
        stop_loss: Decimal | None,
        take_profit: Decimal | None,
        trigger: StopTrigger,
        trailing_stop: Decimal | None = None,
    ) -> None:
        """Set the position's stop, its target and its trailing distance; None leaves one as it is.

        Unchanged is a success. The fixed stop stays in force beside a trailing one.
        Raises `Rejected` (flat, or the price has passed the stop) or `OutcomeUnknown`.
        """

    def cancel(self, symbol: str, order_id: str) -> None:
        """Cancel our order; already gone is a success. Raises `OutcomeUnknown`."""

    def access(self) -> Access:
        """Return what the key may do on which account, and how that account keeps positions."""


class ExchangeHealth(Protocol):
    """How well the exchange has answered of late, as this process saw it."""

    def recent(self, now: int) -> Health:
        """Return requests and failures of the last minutes; `now` in milliseconds UTC."""
