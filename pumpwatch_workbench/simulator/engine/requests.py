"""An order as asked for, parsed from the wire but not yet checked against market and account."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from .records import Side


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
