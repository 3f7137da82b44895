"""Records of the engine: requests, orders, positions, executions and closed trades."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

Side = Literal["Buy", "Sell"]
ZERO = Decimal(0)

RISING, FALLING = 1, 2
"""Bybit's codes of a trigger's direction."""
RESTING = frozenset({"New", "PartiallyFilled"})
OPEN = RESTING | {"Untriggered"}


def opposite(side: Side) -> Side:
    """Return the other side."""
    return "Sell" if side == "Buy" else "Buy"


@dataclass(slots=True)
class Order:
    """One order, open or done; prices and values in USDT, times in market milliseconds."""

    order_id: str
    index: int
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    """The limit; for a market order the worst price it may trade at."""
    created: int
    sequence: int
    last_price_on_created: Decimal
    link_id: str = ""
    kind: Literal["Market", "Limit"] = "Market"
    time_in_force: str = "IOC"
    status: str = "New"
    updated: int = 0
    reduce_only: bool = False
    close_on_trigger: bool = False
    trigger_price: Decimal | None = None
    trigger_direction: int = 0
    """1 triggers on a rise, 2 on a fall."""
    trigger_by: str = ""
    stop_kind: str = ""
    """Bybit's stopOrderType: empty, Stop, StopLoss, TakeProfit or TrailingStop."""
    create_type: str = "CreateByUser"
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit_by: str = ""
    stop_loss_by: str = ""
    filled: Decimal = ZERO
    filled_value: Decimal = ZERO
    fee: Decimal = ZERO
    cancel_type: str = "UNKNOWN"
    reject_reason: str = "EC_NoError"
    closed: Decimal = ZERO
    """Quantity that closed a position."""
    closed_entry_value: Decimal = ZERO
    closed_exit_value: Decimal = ZERO
    closed_result: Decimal = ZERO
    """Profit of the closed quantity after the fees of entry and exit."""
    fills: int = 0

    @property
    def is_open(self) -> bool:
        """Tell whether the order can still trade."""
        return self.status in OPEN

    @property
    def left(self) -> Decimal:
        """Return the quantity that can still trade."""
        return self.quantity - self.filled if self.is_open else ZERO

    @property
    def average_price(self) -> Decimal | None:
        """Return the mean fill price, or None before the first fill."""
        return self.filled_value / self.filled if self.filled else None


@dataclass(slots=True)
class ExchangePosition:
    """The position in one symbol; flat when `side` is None."""

    index: int
    symbol: str
    leverage: Decimal
    side: Side | None = None
    size: Decimal = ZERO
    entry_value: Decimal = ZERO
    """Sum of price times quantity of what is open."""
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit_by: str = "LastPrice"
    stop_loss_by: str = "LastPrice"
    trailing_stop: Decimal | None = None
    """Distance by which a trailing stop follows the best price, USDT."""
    trailing_from: Decimal | None = None
    """The price that has to be reached before it follows; None: it follows already."""
    best_price: Decimal | None = None
    """The most favourable last price since the trailing stop follows."""
    stop_order: Order | None = None
    target_order: Order | None = None
    trailing_order: Order | None = None
    open_fees: Decimal = ZERO
    """Fees paid to open what is open."""
    realised: Decimal = ZERO
    """Result of the present position so far, fees and funding included."""
    realised_ever: Decimal = ZERO
    opened: int = 0
    created: int = 0
    updated: int = 0
    funded_until: int = 0
    sequence: int = 0

    @property
    def sign(self) -> int:
        """Return 1 long, -1 short, 0 flat."""
        return 0 if self.side is None else (1 if self.side == "Buy" else -1)

    @property
    def closing_side(self) -> Side:
        """Return the side of an order that closes the position."""
        return "Sell" if self.side == "Buy" else "Buy"

    @property
    def trailing_level(self) -> Decimal | None:
        """Return the last price at which the trailing stop fires, None while it does not follow."""
        if self.trailing_stop is None or self.best_price is None or self.side is None:
            return None
        return self.best_price - self.sign * self.trailing_stop

    @property
    def entry_price(self) -> Decimal:
        """Return the mean entry price, 0 when flat."""
        return self.entry_value / self.size if self.size else ZERO

    def unrealised(self, mark: Decimal) -> Decimal:
        """Return the profit of closing everything at `mark`, before fees."""
        return self.sign * (self.size * mark - self.entry_value)


@dataclass(frozen=True, slots=True)
class Execution:
    """One fill, funding payment or liquidation, as execution/list reports it."""

    execution_id: str
    order: Order | None
    order_id: str
    symbol: str
    side: Side
    kind: str
    """Bybit's execType: Trade, Funding, BustTrade, AdlTrade or Settle."""
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_rate: Decimal
    mark_price: Decimal
    time: int
    sequence: int
    maker: bool = False
    left: Decimal = ZERO
    closed: Decimal = ZERO

    @property
    def value(self) -> Decimal:
        """Return price times quantity."""
        return self.price * self.quantity


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """A closing order's result, as position/closed-pnl reports it."""

    order: Order
    leverage: Decimal
    kind: str
    time: int


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """An order as order/create asks for it; prices in USDT, `quantity` in base coin."""

    index: int
    side: Side
    kind: Literal["Market", "Limit"]
    quantity: Decimal
    price: Decimal | None = None
    time_in_force: str = "GTC"
    link_id: str = ""
    reduce_only: bool = False
    close_on_trigger: bool = False
    trigger_price: Decimal | None = None
    trigger_direction: int = 0
    trigger_by: str = "LastPrice"
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit_by: str = "LastPrice"
    stop_loss_by: str = "LastPrice"
    slippage: tuple[str, Decimal] | None = None
    """("Percent", percent) or ("TickSize", ticks): a tighter bound for a market order."""


@dataclass(frozen=True, slots=True)
class StopRequest:
    """Stops as position/trading-stop asks for them: None leaves a price as it is, 0 removes it."""

    index: int
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    take_profit_by: str | None = None
    stop_loss_by: str | None = None
    trailing_stop: Decimal | None = None
    """A distance in USDT."""
    active_price: Decimal | None = None
    """The last price from which on the trailing stop follows; None or 0: at once."""


@dataclass(slots=True)
class ProtectionWatch:
    """Measure, in market milliseconds, the longest time a position went without a stop."""

    longest: dict[str, int] = field(default_factory=dict)
    bare_since: dict[str, int] = field(default_factory=dict)

    def observe(self, symbol: str, time: int, *, bare: bool) -> None:
        """Note whether the symbol has a position without a stop from `time` on."""
        since = self.bare_since.get(symbol)
        if since is not None:
            self.longest[symbol] = max(self.longest.get(symbol, 0), time - since)
        if not bare:
            self.bare_since.pop(symbol, None)
        elif since is None:
            self.bare_since[symbol] = time
            self.longest.setdefault(symbol, 0)

    def by_symbol(self, now: int) -> dict[str, int]:
        """Return the longest bare time of every symbol that ever had one, running ones included."""
        running = {symbol: now - since for symbol, since in self.bare_since.items()}
        return {
            symbol: max(longest, running.get(symbol, 0)) for symbol, longest in self.longest.items()
        }
