"""No position without a stop on the exchange: set what is missing, and see it there."""

from __future__ import annotations

from pumpwatch.domain.evidence import own_position
from pumpwatch.domain.exits import has_sound_stop, stop_to_set, target_to_set
from pumpwatch.domain.orders import Position, StopTrigger
from pumpwatch.domain.trades import Trade
from pumpwatch.errors import OutcomeUnknown, Rejected, RetryLater

from .trading_desk import Desk

__all__ = ["restore_stop"]


def restore_stop(desk: Desk, trade: Trade, position: Position) -> Trade | None:
    """Set the position's stop and verify it; return the trade, or None when it must be closed.

    The answer to the setting proves nothing: only the position that is read afterwards does.
    """
    contract = desk.contracts.known(trade.symbol)
    stop = stop_to_set(trade, position, contract.tick_size if contract is not None else None)
    if stop is None:
        desk.problem("the price has passed the place of the missing stop", trade)
        return None
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
    held = next((one for one in desk.broker.positions() if one.symbol == trade.symbol), None)
    own = own_position(trade, held)
    if own is None:
        return trade
    if not has_sound_stop(trade, own):
        return None
    return _verified(desk, trade, own)


def _verified(desk: Desk, trade: Trade, position: Position) -> Trade:
    now = desk.clock.now()
    guarded = trade.with_(stop_loss=position.stop_loss, stop_verified=now)
    desk.journal.save(guarded, desk.lease)
    desk.report.repairs += 1
    if trade.stop_verified is None:
        desk.report.stop_verified_after((now - (trade.entry_time or now)) / 1000)
    desk.report.note("stop_set", guarded, f"stop set at {position.stop_loss}", time=now)
    return desk.keep(guarded)
