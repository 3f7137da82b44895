"""A trade: everything that follows from one signal, from the intent to the result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from .orders import Leg, OrderRequest, Outcome, Side


class TradeState(StrEnum):
    """The state of a trade in the journal."""

    ENTERING = "entering"
    """The entry's intent is stored; its outcome is not known yet."""
    OPEN = "open"
    EXITING = "exiting"
    """An exit's intent is stored; its outcome is not known yet."""
    CLOSED = "closed"
    DROPPED = "dropped"
    """No position came of it: denied, rejected, or never placed."""

    @property
    def live(self) -> bool:
        """Return whether the trade still needs care."""
        return self in (TradeState.ENTERING, TradeState.OPEN, TradeState.EXITING)


class ExitReason(StrEnum):
    """The reason for which a position was closed."""

    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    TIME_LIMIT = "time_limit"
    STOP_MISSING = "stop_missing"
    """No stop could be set on the exchange, so the position was closed at market."""
    LIQUIDATION = "liquidation"
    AUTO_DELEVERAGING = "auto_deleveraging"
    SETTLEMENT = "settlement"
    """The exchange settled the contract, for example when it was delisted."""
    MANUAL = "manual"
    """Somebody else closed it."""
    HALT = "halt"
    """A person asked for all positions to be closed."""
    BY_HAND = "by_hand"
    """A person asked for this trade to be closed."""
    TRAILING_STOP = "trailing_stop"
    UNSAFE_LIQUIDATION = "unsafe_liquidation"
    """The exchange would have liquidated the position before its stop was reached."""
    DELISTING = "delisting"
    """The contract is about to be delisted."""
    LATE_FILL = "late_fill"
    """Its entry was carried out after it had been given up, beside a newer trade of the symbol."""
    UNEXPLAINED = "unexplained"
    """The position is gone and no fill says why; its result is not known in full."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One signal's trade. Times in milliseconds UTC, money in USDT as Decimal."""

    signal_id: str
    event_id: str
    symbol: str
    strategy: str
    side: Side
    state: TradeState
    signal_time: int
    signal_price: Decimal
    created: int
    quantity: Decimal = Decimal(0)
    """Planned before the fill, held after it."""
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    closes_at: int = 0
    """Time limit: the position is closed at market from then on."""
    planned_price: Decimal | None = None
    """The book's best price at sizing; a stop that is set again keeps its distance to it."""
    entry_price: Decimal | None = None
    entry_time: int | None = None
    exit_price: Decimal | None = None
    exit_time: int | None = None
    exit_reason: ExitReason | None = None
    exit_attempt: int = 0
    exit_refused: int | None = None
    """Time of the exchange's last refusal of an exit, milliseconds UTC."""
    realised_pnl: Decimal = Decimal(0)
    """Profit after fees and funding."""
    fees: Decimal = Decimal(0)
    funding: Decimal = Decimal(0)
    stop_verified: int | None = None
    """Time at which the stop was seen on the exchange."""
    trailing_stop: Decimal | None = None
    """Distance of the trailing stop that was set beside the fixed one, USDT."""
    vanished: int | None = None
    """Time since which the position is missing and no fill explains it."""
    denial: str = ""
    """The reason why nothing was sent, or the exchange's reason for a refusal."""
    installation: str = ""
    """The letters that its orders' ids carry, see `orders.order_id_for`."""
    unreadable: int | None = None
    """Time since which its own rows at the exchange cannot be read, milliseconds UTC."""
    halts: str = ""
    """The reason to open nothing until a person has looked at this trade and resumed; empty: it
    does not halt. Stored with what made it so: no later write can lose it."""
    alarm_time: int = 0
    """Time of the alarm that its signal goes back to; 0: not kept."""
    woken: int = 0
    """Time at which the run that entered it began; its entry's intent has the time of the send."""
    acknowledged: int | None = None
    """Time of the exchange's answer that it has the entry; None: no answer said so."""
    looked_at: int | None = None
    """Time at which a person's resume that named this trade ended its halt, milliseconds UTC."""
    mode: str = ""
    """The trading mode it was entered in; empty: stored by a version that did not keep it."""
    unknown: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """Fields that a newer version has stored beside these; they are stored again as they are."""

    @property
    def unfinished(self) -> bool:
        """Return whether it still needs care, or halts entries until a person has looked at it."""
        return self.state.live or bool(self.halts)

    def is_of_mode(self, mode: str) -> bool:
        """Return whether it belongs to that mode's account, as far as is known."""
        return self.mode in ("", mode)

    def with_(self, **changes: object) -> Trade:
        """Return a copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class OrderRecord:
    """An order in the journal: stored as an intent before the send, completed afterwards."""

    request: OrderRequest
    signal_id: str
    leg: Leg
    attempt: int
    intended: int
    """Milliseconds UTC."""
    outcome: Outcome = Outcome.UNKNOWN
    exchange_id: str = ""
    filled_quantity: Decimal = Decimal(0)
    average_price: Decimal | None = None
    fee: Decimal = Decimal(0)
    detail: str = ""
    settled: int | None = None
    """Time at which the outcome became final."""
    unknown: Mapping[str, Any] | None = field(default=None, compare=False, repr=False)
    """Fields that a newer version has stored beside these; they are stored again as they are."""


@dataclass(frozen=True, slots=True)
class RepairNote:
    """A difference between journal and exchange that was put right, kept beside the trade."""

    time: int
    """Milliseconds UTC."""
    kind: str
    """The kind of repair, a word of `reconcile.RepairKind`."""
    text: str
