"""No position without a stop on the exchange: set what is missing, and see it there."""

from __future__ import annotations

from pumpwatch.domain.evidence import own_position
from pumpwatch.domain.exits import (
    has_sound_stop,
    stop_to_set,
    target_to_set,
    trailing_distance,
)
from pumpwatch.domain.orders import Position, StopTrigger
from pumpwatch.domain.trades import RepairNote, Trade, TradeState
from pumpwatch.errors import OutcomeUnknown, Rejected, RetryLater

from .trading_desk import Desk

__all__ = ["restore_stop", "trail"]

LOOKS = (0.0, 0.2, 0.4, 0.8)
"""Seconds to wait before each look for a stop whose setting was accepted: lists lag."""


def restore_stop(desk: Desk, trade: Trade, position: Position) -> Trade | None:
    """Set the position's stop and verify it; return the trade, or None when it must be closed.

    The answer to the setting proves nothing: only the position that is read afterwards does. What
    is meant is stored first, in a write that checks the lease: a run that lost it sets nothing.
    """
    contract = desk.contracts.known(trade.symbol)
    stop = stop_to_set(trade, position, contract.tick_size if contract is not None else None)
    if stop is None:
        desk.problem("the price has passed the place of the missing stop", trade)
        return None
    trade = trade.with_(stop_loss=stop)
    desk.journal.save(trade, desk.lease)
    desk.touched = True
    try:
        desk.broker.set_protection(
            trade.symbol,
            stop_loss=stop,
            take_profit=target_to_set(trade, position),
            trigger=StopTrigger(desk.settings.stop_trigger),
        )
    except (Rejected, OutcomeUnknown, RetryLater) as error:
        desk.problem(f"the missing stop was not set: {error}", trade)
        return _verified_after(desk, trade, LOOKS[:1])
    return _verified_after(desk, trade, LOOKS)


def trail(desk: Desk, trade: Trade, position: Position) -> Trade:
    """Set the trailing stop that the settings ask for beside the fixed one, once per trade.

    When it cannot be set the fixed stop goes on protecting the position, and the next run tries
    again.
    """
    fraction, contract = desk.settings.trailing_stop_fraction, desk.contracts.known(trade.symbol)
    if not fraction or trade.state is not TradeState.OPEN or trade.trailing_stop is not None:
        return trade
    if trade.stop_verified is None or contract is None or position.stop_loss is None:
        return trade
    distance = trailing_distance(trade, position, fraction, contract.tick_size)
    if position.trailing_stop is None:
        desk.journal.save(trade, desk.lease)
        desk.touched = True
        try:
            desk.broker.set_protection(
                trade.symbol,
                stop_loss=position.stop_loss,
                take_profit=None,
                trigger=StopTrigger(desk.settings.stop_trigger),
                trailing_stop=distance,
            )
        except (Rejected, OutcomeUnknown, RetryLater) as error:
            desk.problem(f"the trailing stop was not set: {error}", trade)
            return trade
    trailed = trade.with_(trailing_stop=position.trailing_stop or distance)
    desk.journal.save(trailed, desk.lease)
    return desk.keep(trailed)


def _verified_after(desk: Desk, trade: Trade, pauses: tuple[float, ...]) -> Trade | None:
    for pause in pauses:
        if pause:
            if not desk.has_time(1):
                break
            desk.wait(pause)
        held = next((one for one in desk.broker.positions() if one.symbol == trade.symbol), None)
        own = own_position(trade, held)
        if own is None:
            return desk.keep(trade)
        if has_sound_stop(trade, own):
            return _verified(desk, trade, own)
    return None


def _verified(desk: Desk, trade: Trade, position: Position) -> Trade:
    now = desk.clock.now()
    guarded = trade.with_(stop_loss=position.stop_loss, stop_verified=now)
    text = f"stop set at {position.stop_loss}"
    desk.journal.save(guarded, desk.lease, repair=RepairNote(now, "stop_set", text))
    desk.report.repairs["stop_set"] += 1
    if trade.stop_verified is None:
        desk.report.stop_verified_after((now - (trade.entry_time or now)) / 1000)
    desk.report.note("stop_set", guarded, text, time=now)
    return desk.keep(guarded)
