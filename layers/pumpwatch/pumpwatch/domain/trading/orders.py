"""Orders, fills, positions, and the four outcomes an order can have."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from hashlib import blake2b

ORDER_ID_PREFIX = "pw-"
"""Every order of Pumpwatch's starts with it, whichever installation made it."""
ORDER_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,36}")


class Side(StrEnum):
    """Direction of an order, fill or position; a short position has side SELL."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        """Return the other side."""
        return Side.SELL if self is Side.BUY else Side.BUY


class Leg(StrEnum):
    """The purpose of an order."""

    ENTRY = "entry"
    EXIT = "exit"


class Outcome(StrEnum):
    """The outcome of an order. Never only two: a request that may have arrived is UNKNOWN."""

    FILLED = "filled"
    """Filled, at least in part."""
    REJECTED = "rejected"
    """Refused by the exchange, or ended there without any fill."""
    DENIED = "denied"
    """Refused by us before it was sent."""
    UNKNOWN = "unknown"
    """Not known yet: ask the exchange, never send again."""


class OrderState(StrEnum):
    """The exchange's state of an order."""

    OPEN = "open"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    """Ended by the exchange or by us; it can have been filled in part."""
    REJECTED = "rejected"
    UNTRIGGERED = "untriggered"

    @property
    def ended(self) -> bool:
        """Return whether nothing more can be filled."""
        return self in (OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED)


class StopTrigger(StrEnum):
    """The price that triggers a stop loss."""

    LAST_PRICE = "last_price"
    MARK_PRICE = "mark_price"


class FillKind(StrEnum):
    """The cause of a change of a position, or another subject of an execution row."""

    TRADE = "trade"
    AUTO_DELEVERAGING = "auto_deleveraging"
    LIQUIDATION = "liquidation"
    SETTLEMENT = "settlement"
    FUNDING = "funding"
    """A cost only; the position's size does not change."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order to be sent: an entry at once up to its limit price, or a reduce-only market exit.

    Its id is deterministic, see `order_id_for`.
    """

    order_id: str
    symbol: str
    side: Side
    quantity: Decimal
    reduce_only: bool
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    stop_trigger: StopTrigger = StopTrigger.LAST_PRICE
    limit_price: Decimal | None = None
    """Worst price an entry may fill at; what does not fill at once is dropped (immediate or
    cancel). None: a market order, which only exits are."""
    closes_all: bool = False
    """Close whatever is held: for a position that is no multiple of the contract's step any more.
    `quantity` is what is held as far as we know."""
    send_by: int | None = None
    """Milliseconds UTC after which the request must not leave any more: a decision has a maximum
    age, and from then on the order need not be expected."""

    def may_fill_at(self, price: Decimal) -> bool:
        """Return whether a price is within the limit price."""
        bound = price if self.limit_price is None else self.limit_price
        return price <= bound if self.side is Side.BUY else price >= bound

    def __post_init__(self) -> None:
        if not ORDER_ID_PATTERN.fullmatch(self.order_id):
            raise ValueError(f"order id {self.order_id!r} is not 1 to 36 of A-Z a-z 0-9 _ -")
        if self.quantity <= 0:
            raise ValueError(f"quantity {self.quantity} of order {self.order_id} is not positive")
        if not self.reduce_only and self.stop_loss is None:
            raise ValueError(f"entry {self.order_id} has no stop loss")
        if self.closes_all and not self.reduce_only:
            raise ValueError(f"order {self.order_id} closes all but is not reduce-only")


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """The exchange's report on one order, ours or another trader's."""

    order_id: str
    """Our id; empty when the order was not made by us."""
    exchange_id: str
    symbol: str
    side: Side | None
    """None where the row of another trader's order names none: nothing depends on it."""
    state: OrderState
    quantity: Decimal
    filled_quantity: Decimal
    average_price: Decimal | None
    fee: Decimal
    reduce_only: bool
    created: int
    """Milliseconds UTC."""
    updated: int
    reject_reason: str = ""
    is_protection: bool = False
    """A stop loss or take profit that belongs to a position."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. Fee in USDT, positive = paid."""

    execution_id: str
    order_id: str
    symbol: str
    side: Side
    kind: FillKind
    price: Decimal
    quantity: Decimal
    fee: Decimal
    time: int
    exchange_order_id: str = ""
    closed_quantity: Decimal = Decimal(0)
    """The part of the quantity that reduced a position."""
    trigger: str = ""
    """`stop_loss`, `take_profit` or `trailing_stop` if that fired the order, else empty."""


@dataclass(frozen=True, slots=True)
class Position:
    """An open position as the exchange reports it (size always above zero).

    Where the exchange gives no entry price the mark price stands for it, and the other way round;
    `doubts` says so.
    """

    symbol: str
    side: Side
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal
    leverage: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    liquidation_price: Decimal | None
    unrealised_pnl: Decimal
    created: int
    updated: int
    trailing_stop: Decimal | None = None
    """Distance of the trailing stop behind the best price since it was set, USDT."""
    hedge: bool = False
    """Held in hedge mode, as one of two positions in its symbol: never one of ours."""
    doubts: tuple[str, ...] = ()
    """Missing parts of the row, as sentences that name the field."""

    @property
    def notional(self) -> Decimal:
        """Return the position's value at the mark price, USDT."""
        return self.quantity * self.mark_price


@dataclass(frozen=True, slots=True)
class Account:
    """The account's money in USDT."""

    equity: Decimal
    available: Decimal
    wallet_balance: Decimal = field(default=Decimal(0))
    isolated_margin: bool = False
    """The account keeps a margin for each position: what is available is not known then."""


def order_id_for(signal_id: str, leg: Leg, attempt: int, installation: str = "") -> str:
    """Return the order's id: a hash of (signal, leg, attempt class), at most 36 of [A-Za-z0-9_-].

    The same signal gives the same id after any crash, so the exchange itself refuses a second
    order. The attempt class changes only when the former order is known to have ended without doing
    its work. `installation` is six letters that tell two deployments on one account apart.
    """
    text = f"{installation}|{signal_id}|{leg}|{attempt}"
    digest = blake2b(text.encode(), digest_size=10).hexdigest()
    return f"{order_id_prefix(installation)}{leg.value[:2]}{attempt}-{digest}"


def order_id_prefix(installation: str) -> str:
    """Return how the ids of an installation's orders begin."""
    return f"{ORDER_ID_PREFIX}{installation}-" if installation else ORDER_ID_PREFIX
