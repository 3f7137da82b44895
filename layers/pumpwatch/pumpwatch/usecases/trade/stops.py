"""No position without a stop on the exchange: set what is missing, and see it there."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from pumpwatch.domain.trading.evidence import own_position
from pumpwatch.domain.trading.exits import (
    farther_stop,
    has_sound_stop,
    stop_to_set,
    target_to_set,
    trailing_distance,
)
from pumpwatch.domain.trading.orders import Position, StopTrigger
from pumpwatch.domain.trading.trades import RepairNote, Trade, TradeState
from pumpwatch.errors import (
    OutcomeUnknown,
    PumpwatchError,
    Rejected,
    RetryLater,
    SkipSymbol,
    StoreUnavailable,
)

from .holdings import position_in
from .run import Run

LOOKS = (0.0, 0.2, 0.4, 0.8)
"""Seconds to wait before each look for stops whose setting was accepted: lists lag."""

Case = tuple[Trade, Position]
"""A trade and its position."""


def restore_stops(run: Run, cases: Sequence[Case]) -> list[Case]:
    """Set the positions' missing stops, side by side, and verify them in one list.

    Returns the cases that must be closed: the price has passed the stop, or it was refused, or it
    was accepted and does not show. The answer to a setting proves nothing, only the position that
    is read afterwards does. Raises `LeaseLost`.
    """
    unsafe: list[Case] = []
    started = []
    for trade, position in cases:
        stop = _stop_for(run, trade, position)
        if stop is None:
            run.problem("the price has passed the place of the missing stop", trade, cause="stop")
            unsafe.append((trade, position))
        else:
            meant = trade.with_(stop_loss=stop)
            setting = run.ports.start(partial(_set_stop, run, meant, position, stop))
            started.append((meant, position, setting))
    accepted, doubtful = [], []
    for meant, position, setting in started:
        run.touched = True
        refusal = setting.result()
        if refusal is None:
            accepted.append((meant, position))
        else:
            run.problem(f"the missing stop was not set: {refusal}", meant, cause="stop")
            doubtful.append((meant, position))
    unsafe += _unverified(run, doubtful, LOOKS[:1])
    return unsafe + _unverified(run, accepted, LOOKS)


def set_farther_stop(run: Run, trade: Trade, position: Position) -> None:
    """Protect what could not be closed by a stop farther away; the exit is due from now on."""
    contract = run.contracts.known(trade.symbol)
    if contract is None or position.stop_loss is not None:
        return
    stop = farther_stop(trade, position, contract.tick_size)
    if stop is None:
        return
    due = trade.with_(closes_at=min(trade.closes_at, run.now()))
    refusal = _set_stop(run, due, position, stop)
    run.touched = True
    run.keep(due)
    what = "was set" if refusal is None else f"was not set either: {refusal}"
    run.problem(f"it could not be closed: a stop at {stop} {what}", due, cause="stop")


def _set_stop(run: Run, trade: Trade, position: Position, stop: Decimal) -> PumpwatchError | None:
    """Set the stop; return why it was not set, or is not known to be.

    The trade is stored first, in a write that checks the lease: a run that lost it sets
    nothing. Where the table refuses the write, the stop is set all the same while the run's own
    time lasts, which ends before its lease does, and if the position still has none.
    """
    try:
        run.save(trade)
    except StoreUnavailable as error:
        # The time is looked at last: a run that stood still meanwhile may have lost its lease.
        if not _is_still_unprotected(run, trade) or run.deadline.seconds_left() <= 0:
            return error
    try:
        run.ports.broker.set_protection(
            trade.symbol,
            stop_loss=stop,
            take_profit=target_to_set(trade, position),
            trigger=StopTrigger(run.settings.stop_trigger),
        )
    except (Rejected, OutcomeUnknown, RetryLater) as error:
        return error
    return None


def _is_still_unprotected(run: Run, trade: Trade) -> bool:
    try:
        rows = run.ports.broker.positions(trade.symbol)
    except RetryLater:
        return False
    own = own_position(trade, position_in(rows, trade.symbol))
    return own is not None and own.stop_loss is None


def _stop_for(run: Run, trade: Trade, position: Position) -> Decimal | None:
    """Return the stop to set; contracts are asked for only where a new place needs the tick."""
    by_mark = run.settings.stop_trigger == "mark_price"
    contract = run.contracts.known(trade.symbol)
    tick = contract.tick_size if contract is not None else None
    stop = stop_to_set(trade, position, tick, watches_mark=by_mark)
    if stop is not None or contract is not None:
        return stop
    try:
        contract = run.contracts.get(trade.symbol, run.now())
    except (RetryLater, SkipSymbol) as error:
        run.refused(error, "the contract's tick is not known", trade)
        return None
    tick = contract.tick_size if contract is not None else None
    return stop_to_set(trade, position, tick, watches_mark=by_mark)


def _unverified(run: Run, cases: Sequence[Case], pauses: Sequence[float]) -> list[Case]:
    """Look until the stops show; return the cases whose stop the list does not have.

    Positions that cannot be read prove nothing: the next run looks again.
    """
    waiting, looked = list(cases), False
    for pause in pauses:
        if not waiting or (pause and not run.has_time(2)):
            break
        if pause:
            run.ports.wait(pause)
        try:
            rows = run.ports.broker.positions()
        except RetryLater as error:
            run.refused(error, "the stops could not be verified")
            continue
        looked, still = True, []
        for trade, _ in waiting:
            own = own_position(trade, position_in(rows, trade.symbol))
            if own is None:
                run.keep(trade)
            elif has_sound_stop(trade, own):
                _verified(run, trade, own)
            else:
                still.append((trade, own))
        waiting = still
    for trade, _ in waiting if not looked else ():
        run.keep(trade)
    return waiting if looked else []


def _verified(run: Run, trade: Trade, position: Position) -> None:
    now = run.now()
    guarded = trade.with_(stop_loss=position.stop_loss, stop_verified=now)
    text = f"stop set at {position.stop_loss}"
    try:
        run.save(guarded, repair=RepairNote(now, "stop_set", text))
    except StoreUnavailable as error:
        run.refused(error, "the stop is set, and the table did not store that", trade)
    run.report.repairs["stop_set"] += 1
    if trade.stop_verified is None:
        run.report.stop_verified_after((now - (trade.entry_time or now)) / 1000)
    run.report.note("stop_set", text, time=now, trade=guarded)
    run.keep(guarded)


def trail(run: Run, trade: Trade, position: Position) -> Trade:
    """Set the trailing stop that the settings ask for beside the fixed one, once per trade.

    When it cannot be set the fixed stop goes on protecting the position, and the next run tries
    again.
    """
    fraction, contract = run.settings.trailing_stop_fraction, run.contracts.known(trade.symbol)
    if not fraction or trade.state is not TradeState.OPEN or trade.trailing_stop is not None:
        return trade
    if trade.stop_verified is None or contract is None or position.stop_loss is None:
        return trade
    distance = trailing_distance(trade, position, fraction, contract.tick_size)
    try:
        if position.trailing_stop is None:
            run.save(trade)
            run.touched = True
            run.ports.broker.set_protection(
                trade.symbol,
                stop_loss=None,
                take_profit=None,
                trigger=StopTrigger(run.settings.stop_trigger),
                trailing_stop=distance,
            )
        trailed = trade.with_(trailing_stop=position.trailing_stop or distance)
        run.save(trailed)
    except (Rejected, OutcomeUnknown, RetryLater) as error:
        run.problem(f"the trailing stop was not set: {error}", trade, cause="stop")
        return trade
    return run.keep(trailed)
