"""Round prices and quantities to the exchange's grid, always toward safety. All in `Decimal`."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from .orders import Side


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` that is at most `value`: never more than asked for."""
    return (value / step).to_integral_value(rounding=ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the smallest multiple of `step` that is at least `value`."""
    return (value / step).to_integral_value(rounding=ROUND_CEILING) * step


def stop_to_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Return a position's stop on the tick grid, moved toward the entry: the loss is not larger."""
    return ceil_to(price, tick) if side is Side.BUY else floor_to(price, tick)


def target_to_tick(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Return a position's target on the tick grid, moved toward the entry: reached no later."""
    return floor_to(price, tick) if side is Side.BUY else ceil_to(price, tick)


def decimal_from(value: float) -> Decimal:
    """Return the shortest decimal that stands for the float (0.1 gives 0.1)."""
    return Decimal(repr(float(value)))
