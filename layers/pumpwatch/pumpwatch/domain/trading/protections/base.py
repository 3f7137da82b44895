"""The interface of protections: from the recent history to locks with a reason and an end.

Protections stop entries only; exits always run. A pause ends by itself, a halt when a person
resumes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from pumpwatch.domain.market.health import Health
from pumpwatch.domain.trading.trades import Trade


@dataclass(frozen=True, slots=True)
class Lock:
    """Entries are stopped, of one symbol or of all."""

    protection: str
    """The name of the protection that asks for it."""
    reason: str
    """A plain sentence with the figures that led to it."""
    since: int
    """Milliseconds UTC."""
    until: int | None
    """Milliseconds UTC when a pause ends; None: a halt, until a person resumes."""
    symbol: str = ""
    """Empty: every symbol."""


@dataclass(frozen=True, slots=True)
class TradingHistory:
    """The facts that protections judge by."""

    closed: Sequence[Trade] = ()
    """Trades closed in the longest look-back and since the last resume, first closed first."""
    equity: Decimal | None = None
    """The account's equity now, unrealised profit included, USDT; None when it is not known."""
    unrealised: Decimal = Decimal(0)
    """Open profit and loss of our positions, USDT."""
    health: Health = field(default_factory=Health)
    data_age: int | None = None
    """Milliseconds since the market was seen by the exchange's own stamp; None: not seen."""


class Protection(Protocol):
    """One reason to stop entries for a while."""

    @property
    def name(self) -> str:
        """Return its name in locks, metrics and documentation."""

    def check(self, history: TradingHistory, now: int) -> Sequence[Lock]:
        """Return the locks due at `now` (milliseconds UTC), none when all is well."""


def in_force(locks: Sequence[Lock], symbol: str, now: int) -> Lock | None:
    """Return the first lock that stops entries of a symbol at `now`, or None."""
    for lock in locks:
        alive = lock.until is None or now < lock.until
        if alive and lock.symbol in ("", symbol):
            return lock
    return None
