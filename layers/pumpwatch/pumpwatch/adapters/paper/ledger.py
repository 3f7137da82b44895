"""The arithmetic of fills and protections that our simulated accounts share. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from pumpwatch.domain.trading.orders import Side
from pumpwatch.errors import Rejected

BAD_REQUEST = 10001
"""Bybit's code, so that callers see the same refusal."""

MAINTENANCE_MARGIN = Decimal("0.01")
"""Share of the notional that must be left; Bybit asks 0.5 % to 2 % on small contracts."""


@dataclass(frozen=True, slots=True)
class NetPosition:
    """A position in one symbol: side, quantity (above zero) and average entry price in USDT."""

    side: Side
    quantity: Decimal
    entry_price: Decimal


@dataclass(frozen=True, slots=True)
class Change:
    """The effect of a fill: position (None: flat), profit before fees and quantity closed."""

    holding: NetPosition | None
    realised: Decimal
    closed_quantity: Decimal


def pnl(side: Side, quantity: Decimal, entry_price: Decimal, price: Decimal) -> Decimal:
    """Return the profit in USDT of `quantity` entered at `entry_price` and valued at `price`."""
    move = price - entry_price
    return quantity * (move if side is Side.BUY else -move)


def apply_fill(
    holding: NetPosition | None, side: Side, quantity: Decimal, price: Decimal
) -> Change:
    """Return what a fill does to a one-way position: it adds, reduces, closes or turns it."""
    if holding is None:
        return Change(NetPosition(side, quantity, price), Decimal(0), Decimal(0))
    if holding.side is side:
        total = holding.quantity + quantity
        average = (holding.quantity * holding.entry_price + quantity * price) / total
        return Change(NetPosition(side, total, average), Decimal(0), Decimal(0))
    closed = min(quantity, holding.quantity)
    realised = pnl(holding.side, closed, holding.entry_price, price)
    if quantity > holding.quantity:
        return Change(NetPosition(side, quantity - closed, price), realised, closed)
    left = holding.quantity - closed
    rest = NetPosition(holding.side, left, holding.entry_price) if left else None
    return Change(rest, realised, closed)


def liquidation_price(holding: NetPosition, leverage: Decimal) -> Decimal | None:
    """Return where an isolated position is liquidated; None when no price above zero does it.

    Entry moved against the position by 1/leverage less the maintenance margin.
    """
    room = Decimal(1) / leverage - MAINTENANCE_MARGIN
    factor = Decimal(1) - room if holding.side is Side.BUY else Decimal(1) + room
    price = (holding.entry_price * factor).quantize(Decimal("1e-8"), rounding=ROUND_DOWN)
    return price if price > 0 else None


def better(side: Side, first: Decimal, second: Decimal) -> Decimal:
    """Return the price that is the more favourable one for a position of this side."""
    return max(first, second) if side is Side.BUY else min(first, second)


def trailing_level(side: Side, best: Decimal | None, distance: Decimal | None) -> Decimal | None:
    """Return where a trailing stop fires: `distance` behind the best price since it was set."""
    if best is None or distance is None:
        return None
    return best - distance if side is Side.BUY else best + distance


def check_stop(side: Side, stop_loss: Decimal, price: Decimal) -> None:
    """Raise `Rejected` when the price has passed the stop of a position of this side already."""
    if (stop_loss >= price) if side is Side.BUY else (stop_loss <= price):
        raise Rejected(f"the stop loss {stop_loss} has been passed by {price}", code=BAD_REQUEST)


def check_trailing(distance: Decimal | None) -> None:
    """Raise `Rejected` for a trailing stop without a distance above zero; None is none at all."""
    if distance is not None and distance <= 0:
        raise Rejected(f"a trailing stop {distance} away protects nothing", code=BAD_REQUEST)
