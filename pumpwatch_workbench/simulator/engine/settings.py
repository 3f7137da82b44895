"""Choices of the simulated exchange where the real exchange is undocumented, or can differ."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

FORBIDDEN_TEXT = "access too frequent"


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """Hold every choice of the simulated exchange; times are milliseconds, rates are fractions."""

    balance: Decimal = Decimal(10_000)
    """USDT in the wallet at the start."""
    latency_ms: int = 0
    """Round trip of a request: a real sleep with a wall clock, market time with a stepped one."""

    taker_fee: Decimal = Decimal("0.00055")
    maker_fee: Decimal = Decimal("0.0002")
    maintenance_margin: Decimal = Decimal("0.01")
    """Rate of the lowest risk tier."""
    risk_limit_step: Decimal = Decimal(2_000_000)
    """USDT that each risk tier is wide."""
    trigger_delay_ms: int = 500
    """Time from a trigger to the fill: the price moves on meanwhile, never in our favour."""
    default_leverage: Decimal = Decimal(10)
    margin_mode: Literal["REGULAR_MARGIN", "ISOLATED_MARGIN"] = "REGULAR_MARGIN"
    """Cross margin over the whole wallet, or each position alone with its own initial margin."""
    market_price_band: Decimal = Decimal("0.05")
    """`priceLimitRatioX` of contracts without one of their own: how far from the mark price."""
    limit_price_band: Decimal = Decimal("0.10")
    """`priceLimitRatioY`: how far at the most, however high the premium."""
    beyond_limit: Literal["refuse", "adjust"] = "refuse"
    """A limit order beyond the price limit; Bybit's `set-limit-px-action` chooses."""
    market_beyond_limit: Literal["cancel", "refuse"] = "cancel"
    """A market order that meets nothing within the limit; both were seen."""
    mark_lag_minutes: int = 0
    """The mark price is the mean of the last prices of so many minutes; 0: as the source says."""
    book_refill_ms: int = 5_000
    """Time until a swept book is as deep as before."""

    order_link_horizon: Literal["ever", "open"] = "ever"
    """Time for which an orderLinkId stays taken."""
    closed_orders_kept: int = 500
    """Number of orders that are done and can still be asked for in order/realtime."""

    rate_limits: bool = True
    ip_requests: int = 600
    ip_window_ms: int = 5_000
    ban_ms: int = 600_000
    gzip: bool = False

    demo: bool = False
    """The demo host: endpoints that its page does not list are refused (10032)."""
    key_read_only: bool = False
    key_may_transfer: bool = False
    key_may_withdraw: bool = False
