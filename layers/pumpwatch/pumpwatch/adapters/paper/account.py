"""The paper account's state, and the port of its store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from pumpwatch.domain.trading.orders import Fill, OrderStatus, Side

from .ledger import NetPosition


@dataclass(frozen=True, slots=True)
class PaperFunding:
    """A symbol's funding as stated last. Prices in USDT, times in milliseconds UTC."""

    rate: Decimal
    """Share of the notional that longs pay to shorts."""
    next_time: int
    """The first funding that the position has not been charged for."""
    mark_price: Decimal
    last_price: Decimal
    seen: int


@dataclass(frozen=True, slots=True)
class PaperPosition:
    """A position, its protections, and up to when they were tested. Times in milliseconds UTC."""

    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    last_price: Decimal
    """Price at `checked`, by which open profit and loss is valued."""
    checked: int
    """Stop and target were tested up to here."""
    seen_high: Decimal | None
    """Highest price, up to `checked`, of the minute that contains it; None when not known."""
    seen_low: Decimal | None
    created: int
    updated: int
    trailing_stop: Decimal | None = None
    """Distance of the trailing stop behind `best_price`, USDT."""
    best_price: Decimal | None = None
    """The most favourable price, up to `checked`, since the trailing stop was set."""
    funding: PaperFunding | None = None
    """None while the market has not stated it."""

    @property
    def holding(self) -> NetPosition:
        """Return side, quantity and entry price."""
        return NetPosition(self.side, self.quantity, self.entry_price)


@dataclass(frozen=True, slots=True)
class PaperState:
    """The account: positions, leverages by symbol, realised profit after costs (USDT)."""

    version: int = 0
    """Grows with every commit; the commit after it must have seen it."""
    realised: Decimal = Decimal(0)
    positions: Mapping[str, PaperPosition] = field(default_factory=dict)
    leverages: Mapping[str, Decimal] = field(default_factory=dict)

    def leverage(self, symbol: str) -> Decimal:
        """Return the leverage that was set, 1 by default."""
        return self.leverages.get(symbol, Decimal(1))

    def funding_due(self, now: int) -> bool:
        """Return whether a funding that is not charged yet was due at `now`."""
        known = (position.funding for position in self.positions.values())
        return any(funding is not None and funding.next_time <= now for funding in known)


def without(positions: Mapping[str, PaperPosition], symbol: str) -> dict[str, PaperPosition]:
    """Return the positions in other symbols."""
    return {name: position for name, position in positions.items() if name != symbol}


class PaperStore(Protocol):
    """The store of the paper account."""

    def load(self) -> PaperState:
        """Return the account as it was committed last; a fresh one at first."""

    def commit(
        self,
        before: PaperState,
        after: PaperState,
        *,
        orders: Sequence[OrderStatus] = (),
        fills: Sequence[Fill] = (),
    ) -> PaperState:
        """Store everything or nothing and return `after` with its version.

        Raises `StoreUnavailable` when another run committed since `before` was loaded, and
        `DuplicateOrder` when one of the orders is there already.
        """

    def order(self, order_id: str) -> OrderStatus | None:
        """Return an order by our id."""

    def fills(self, symbol: str, *, since: int) -> Sequence[Fill]:
        """Return the symbol's fills from `since` on, oldest first."""
