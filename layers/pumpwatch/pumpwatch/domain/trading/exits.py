"""Exits that we decide on, and the stop of a position that must be set again.

Stop and target live on the exchange; the time limit is ours.
"""

from __future__ import annotations

from decimal import Decimal

from .orders import Position, Side
from .rounding import floor_to, stop_to_tick
from .trades import ExitReason, Trade, TradeState

PAUSE_AFTER_REFUSAL = 300_000
"""Milliseconds; the stop on the exchange protects the position meanwhile."""
BEFORE_DELISTING = 600_000
"""Milliseconds before a contract's delisting at which what is open in it is closed."""
LIQUIDATION_ROOM = Decimal("0.02")
"""Distance that a stop which is drawn in keeps to the liquidation price, as a share of it."""


def exit_due(trade: Trade, now: int, delivery_time: int | None = None) -> ExitReason | None:
    """Return why an open trade must be closed at market now, or None.

    `delivery_time` is when its contract is delisted, where that is known.
    """
    if not may_exit(trade, now):
        return None
    if trade.closes_at <= now:
        return ExitReason.TIME_LIMIT
    if delivery_time is not None and delivery_time - now <= BEFORE_DELISTING:
        return ExitReason.DELISTING
    return None


def may_exit(trade: Trade, now: int) -> bool:
    """Return whether the trade's position can be closed at market now.

    A position that is not found cannot be closed: it is looked for first. After a refusal the next
    tick tries again, with the contract read again; from the second one on (the contract may be
    halted) the next try waits a little: orders of a day are counted.
    """
    refused = trade.exit_refused if trade.exit_attempt > 1 else None
    if refused is not None and now - refused < PAUSE_AFTER_REFUSAL:
        return False
    return trade.state is TradeState.OPEN and trade.vanished is None


def is_losing_side(side: Side, stop: Decimal, price: Decimal) -> bool:
    """Return whether a stop lies where the position loses, seen from a price."""
    return stop < price if side is Side.BUY else stop > price


def has_sound_stop(trade: Trade, position: Position) -> bool:
    """Return whether the exchange holds a stop for the position that comes before liquidation.

    The first time it must lie on the losing side of the entry; later a person may have trailed it
    into profit.
    """
    if position.stop_loss is None or _beyond_liquidation(position, position.stop_loss):
        return False
    first_look = trade.stop_verified is None
    return not first_look or is_losing_side(position.side, position.stop_loss, position.entry_price)


def stop_to_set(
    trade: Trade, position: Position, tick: Decimal | None, *, watches_mark: bool = True
) -> Decimal | None:
    """Return the stop for a position that has none; None when the price has passed it: close.

    The mark price tells only of stops that watch it; the exchange refuses others that have passed.

    It is the stop that was sent, if that lies on the losing side of the fill; else one as far from
    the fill as it was planned from the price. A stop that liquidation would forestall is drawn in.
    Rounded toward the entry; None where a new stop is needed and no tick is known.
    """
    stop = trade.stop_loss
    if stop is None or not is_losing_side(position.side, stop, position.entry_price):
        stop = _at_planned_distance(trade, position.entry_price, tick)
    if stop is not None and _beyond_liquidation(position, stop):
        stop = _before_liquidation(position, tick)
    if stop is None or stop <= 0:
        return None
    passed = watches_mark and not is_losing_side(position.side, stop, position.mark_price)
    return None if passed else stop


def farther_stop(trade: Trade, position: Position, tick: Decimal) -> Decimal | None:
    """Return a stop as far from the mark price as the first one was planned from the entry.

    For a position that is past its stop and cannot be closed: the exchange fills market orders only
    within a limit around the mark price. None where liquidation comes before any stop.
    """
    stop = _at_planned_distance(trade, position.mark_price, tick)
    if stop is not None and _beyond_liquidation(position, stop):
        stop = _before_liquidation(position, tick)
        if stop is not None and not is_losing_side(position.side, stop, position.mark_price):
            return None
    return stop if stop is not None and stop > 0 else None


def trailing_distance(
    trade: Trade, position: Position, fraction: Decimal, tick: Decimal
) -> Decimal:
    """Return a trailing stop's distance, USDT: a share of the entry price, at least a tick."""
    return max(tick, floor_to((trade.entry_price or position.entry_price) * fraction, tick))


def target_to_set(trade: Trade, position: Position) -> Decimal | None:
    """Return the target to send along with a stop: none when the price has passed it."""
    target = trade.take_profit
    if target is None:
        return None
    ahead = (
        target > position.mark_price if position.side is Side.BUY else target < position.mark_price
    )
    return target if ahead else None


def _at_planned_distance(trade: Trade, price: Decimal, tick: Decimal | None) -> Decimal | None:
    """Return a stop as far from a price as the trade's own was planned from its entry."""
    if tick is None or trade.stop_loss is None or not trade.planned_price:
        return None
    distance = abs(trade.stop_loss / trade.planned_price - 1)
    factor = 1 - distance if trade.side is Side.BUY else 1 + distance
    return stop_to_tick(price * factor, tick, trade.side)


def _beyond_liquidation(position: Position, stop: Decimal) -> bool:
    edge = position.liquidation_price
    if edge is None or edge <= 0:
        return False
    return stop <= edge if position.side is Side.BUY else stop >= edge


def _before_liquidation(position: Position, tick: Decimal | None) -> Decimal | None:
    edge = position.liquidation_price
    if tick is None or edge is None:
        return None
    room = LIQUIDATION_ROOM if position.side is Side.BUY else -LIQUIDATION_ROOM
    return stop_to_tick(edge * (1 + room), tick, position.side)
