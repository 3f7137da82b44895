"""When a position is closed by us, and where its stop belongs when it must be set anew.

Stop and target live on the exchange; the time limit is ours.
"""

from __future__ import annotations

from decimal import Decimal

from .orders import Position, Side
from .rounding import stop_to_tick
from .trades import ExitReason, Trade, TradeState

__all__ = ["exit_due", "has_sound_stop", "is_losing_side", "stop_to_set", "target_to_set"]


def exit_due(trade: Trade, now: int) -> ExitReason | None:
    """Return why an open trade must be closed at market now, or None."""
    if trade.state is TradeState.OPEN and trade.closes_at <= now:
        return ExitReason.TIME_LIMIT
    return None


def is_losing_side(side: Side, stop: Decimal, price: Decimal) -> bool:
    """Return whether a stop lies where the position loses, seen from a price."""
    return stop < price if side is Side.BUY else stop > price


def has_sound_stop(trade: Trade, position: Position) -> bool:
    """Return whether the exchange holds a stop for the position.

    The first time it must lie on the losing side of the entry; later a person may have trailed it
    into profit.
    """
    if position.stop_loss is None:
        return False
    first_look = trade.stop_verified is None
    return not first_look or is_losing_side(position.side, position.stop_loss, position.entry_price)


def stop_to_set(trade: Trade, position: Position, tick: Decimal | None) -> Decimal | None:
    """Return the stop for a position that has none; None when the price has passed it: close.

    It is the stop that was sent, if that lies on the losing side of the fill; else one as far from
    the fill as it was planned from the price, rounded toward the entry (none without a known tick).
    """
    stop = trade.stop_loss
    if stop is None or not is_losing_side(position.side, stop, position.entry_price):
        stop = _at_planned_distance(trade, position, tick)
    if stop is None or stop <= 0 or not is_losing_side(position.side, stop, position.mark_price):
        return None
    return stop


def target_to_set(trade: Trade, position: Position) -> Decimal | None:
    """Return the target to send along with a stop: none when the price has passed it."""
    target = trade.take_profit
    if target is None:
        return None
    ahead = (
        target > position.mark_price if position.side is Side.BUY else target < position.mark_price
    )
    return target if ahead else None


def _at_planned_distance(trade: Trade, position: Position, tick: Decimal | None) -> Decimal | None:
    if tick is None or trade.stop_loss is None or not trade.planned_price:
        return None
    distance = abs(trade.stop_loss / trade.planned_price - 1)
    factor = 1 - distance if position.side is Side.BUY else 1 + distance
    return stop_to_tick(position.entry_price * factor, tick, position.side)
