"""The way of an order: intent, send, look, settle; and the care for a trade until it is over.

An order is sent once. Whatever the answer was, what became of it is found by asking; a run that is
killed anywhere leaves an intent, and the next run asks in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial

from pumpwatch.domain.evidence import Evidence, needs_evidence, own_position
from pumpwatch.domain.market import Instrument
from pumpwatch.domain.orders import Leg, OrderRequest, Outcome, Position, order_id_for
from pumpwatch.domain.reconcile import SEND_WITHIN, Repair, RepairKind, reconcile
from pumpwatch.domain.trades import ExitReason, OrderRecord, RepairNote, Trade, TradeState
from pumpwatch.errors import (
    DeadlineNear,
    DuplicateOrder,
    OutcomeUnknown,
    Rejected,
    RetryLater,
)

from .stops import restore_stop, trail
from .trading_desk import Desk

__all__ = ["ENTRY_REQUESTS", "care_for", "close_at_market", "send_entry"]

FOLLOW_REQUESTS = 4
"""Requests in sequence from an order's send until it is settled, at worst: the send, and a look in
open orders, history and executions (the position, with its stop, is read beside them)."""
ENTRY_REQUESTS = 1 + FOLLOW_REQUESTS
"""An entry sets the leverage before."""
EXITS_PER_RUN = 3
"""How often a run sends an exit for one trade, where a thin book fills it in parts."""
LOOKS = (0.0, 0.2, 0.4, 0.8, 1.6)
"""Seconds to wait before each look for an order that was just sent."""
FILL_MARGIN = 5_000
"""Milliseconds by which fills are read from before the trade's creation: clocks differ."""


def send_entry(desk: Desk, trade: Trade, request: OrderRequest) -> Trade:
    """Store the entry's intent, send it once, and follow it up to its verified stop.

    Raises `LimitReached`, `LeaseLost` or `DuplicateOrder` when the journal refuses the intent:
    nothing was sent then.
    """
    now = desk.clock.now()
    order = OrderRecord(request, trade.signal_id, Leg.ENTRY, 0, intended=now)
    limit = desk.settings.max_orders_per_day
    desk.journal.intend(trade, order, desk.lease, day=desk.day(now), max_orders=limit)
    desk.keep(trade)
    return _send(desk, trade, order)


def close_at_market(desk: Desk, trade: Trade, reason: ExitReason) -> Trade:
    """Close the trade's position with reduce-only market orders, one attempt class after the other.

    A refused exit goes again at once only when nothing else protects the position. Raises
    `DeadlineNear` before an order is sent that could not be followed any more.
    """
    urgent = reason in (ExitReason.STOP_MISSING, ExitReason.UNSAFE_LIQUIDATION)
    while trade.state is TradeState.OPEN and desk.exits[trade.signal_id] < EXITS_PER_RUN:
        if not desk.has_time(FOLLOW_REQUESTS):
            raise DeadlineNear("too little time is left to close the position and to verify it")
        refused = len(desk.refused)
        trade = _send_exit(desk, trade, reason)
        if len(desk.refused) > refused and not urgent:
            break
    return trade


def care_for(desk: Desk, trade: Trade, position: Position | None) -> Trade:
    """Hold a live trade against the exchange, put right what differs, and see to its stop."""
    if needs_evidence(trade, position):
        evidence = _evidence(desk, trade, position, desk.journal.orders(trade.signal_id))
    else:
        evidence = Evidence(trade, position)
    return _put_right(desk, evidence)


def _send_exit(desk: Desk, trade: Trade, reason: ExitReason) -> Trade:
    now, contract = desk.clock.now(), desk.contracts.known(trade.symbol)
    quantity, closes_all = _exit_quantity(trade.quantity, contract)
    request = OrderRequest(
        order_id=order_id_for(trade.signal_id, Leg.EXIT, trade.exit_attempt),
        symbol=trade.symbol,
        side=trade.side.opposite,
        quantity=quantity,
        reduce_only=True,
        closes_all=closes_all,
        send_by=now + SEND_WITHIN,
    )
    order = OrderRecord(request, trade.signal_id, Leg.EXIT, trade.exit_attempt, intended=now)
    exiting = trade.with_(state=TradeState.EXITING, exit_reason=reason)
    desk.exits[trade.signal_id] += 1
    desk.journal.intend(exiting, order, desk.lease, day=desk.day(now), max_orders=None)
    return _send(desk, desk.keep(exiting), order)


def _exit_quantity(held: Decimal, contract: Instrument | None) -> tuple[Decimal, bool]:
    """Return how much to close at a time, and whether to ask for everything instead.

    A contract's step or least quantity can change while it is held; then only an order for the
    whole position is accepted.
    """
    if contract is None:
        return held, False
    odd = held % contract.quantity_step != 0 or held < contract.min_quantity
    return (held, True) if odd else (min(held, contract.max_market_quantity), False)


def _send(desk: Desk, trade: Trade, order: OrderRecord) -> Trade:
    desk.sent.add(trade.signal_id)
    desk.touched = True
    try:
        exchange_id = desk.broker.place(order.request)
        order = replace(order, exchange_id=exchange_id)
    except DuplicateOrder:
        desk.problem("the exchange knows this order already: looking it up", trade)
    except Rejected as refusal:
        desk.refused.append(order.request.order_id)
        # The contract may have changed since it was read.
        desk.contracts.doubt()
        trade = _refused(desk, trade, order, f"refused by the exchange: {refusal}")
        if order.leg is Leg.ENTRY:
            return trade
    except (OutcomeUnknown, RetryLater) as doubt:
        desk.problem(f"not known whether the {order.leg} arrived: {doubt}", trade)
    trade = _follow(desk, trade, order)
    if trade.state in (TradeState.ENTERING, TradeState.EXITING):
        desk.report.orders[order.leg, Outcome.UNKNOWN] += 1
    return trade


def _refused(desk: Desk, trade: Trade, order: OrderRecord, reason: str) -> Trade:
    now = desk.clock.now()
    ended = replace(order, outcome=Outcome.REJECTED, detail=reason, settled=now)
    if order.leg is Leg.ENTRY:
        after = trade.with_(state=TradeState.DROPPED, quantity=Decimal(0), denial=reason)
        kind = RepairKind.DROPPED
    else:
        attempt = order.attempt + 1
        after = trade.with_(state=TradeState.OPEN, exit_attempt=attempt, exit_refused=now)
        kind = RepairKind.EXIT_ENDED
    return _store(desk, Repair(kind, after, ended, reason))


def _follow(desk: Desk, trade: Trade, order: OrderRecord) -> Trade:
    """Look until the order's outcome and the position's stop are known, a few times at most."""
    for pause in LOOKS:
        if pause:
            if not desk.has_time(1):
                break
            desk.wait(pause)
        try:
            orders = [order] if order.leg is Leg.ENTRY else desk.journal.orders(trade.signal_id)
            _put_right(desk, _evidence(desk, trade, None, orders, look=True))
        except RetryLater as error:
            desk.problem(f"the {order.leg} could not be followed: {error}", trade)
        trade = desk.trades[trade.signal_id]
        waiting = trade.state in (TradeState.ENTERING, TradeState.EXITING)
        unverified = trade.state is TradeState.OPEN and trade.stop_verified is None
        if not waiting and not unverified:
            break
    return trade


def _evidence(
    desk: Desk,
    trade: Trade,
    position: Position | None,
    orders: Sequence[OrderRecord],
    *,
    look: bool = False,
) -> Evidence:
    """Ask for the trade's orders and fills in one round of reads, and again for the position."""
    held = desk.reads.start(desk.broker.positions) if look else None
    unsettled = [order for order in orders if order.outcome is Outcome.UNKNOWN]
    asked = [
        desk.reads.start(partial(desk.broker.find_order, trade.symbol, order.request.order_id))
        for order in unsettled
    ]
    since = trade.created - FILL_MARGIN
    fills = desk.reads.start(partial(desk.broker.fills, trade.symbol, since=since))
    if held is not None:
        position = next((one for one in held.result() if one.symbol == trade.symbol), None)
    statuses = [answer.result() for answer in asked]
    return Evidence(
        trade=trade,
        position=position,
        orders=orders,
        found={
            order.request.order_id: status
            for order, status in zip(unsettled, statuses, strict=True)
            if status is not None
        },
        fills=fills.result(),
    )


def _put_right(desk: Desk, evidence: Evidence) -> Trade:
    trade = evidence.trade
    settling = desk.settings.settling_seconds * 1000
    for repair in reconcile([evidence], now=desk.clock.now(), settling_time=settling):
        if repair.kind is not RepairKind.STOP_MISSING:
            trade = _store(desk, repair)
            continue
        position = own_position(trade, evidence.position)
        if position is None:
            continue
        guarded = restore_stop(desk, trade, position)
        if guarded is not None:
            trade = guarded
        elif trade.state is TradeState.OPEN:
            desk.report.stops_refused += 1
            trade = close_at_market(desk, trade, _why_unsafe(position))
    own = own_position(trade, evidence.position)
    return trail(desk, trade, own) if own is not None else trade


def _why_unsafe(position: Position) -> ExitReason:
    if position.stop_loss is not None and position.liquidation_price is not None:
        return ExitReason.UNSAFE_LIQUIDATION
    return ExitReason.STOP_MISSING


def _store(desk: Desk, repair: Repair) -> Trade:
    """Store a repair, count it, and return the trade as it is stored."""
    trade, order, report, now = repair.trade, repair.order, desk.report, desk.clock.now()
    if repair.kind is RepairKind.WAITING:
        report.note(repair.kind.value, trade, repair.note, time=now)
        return desk.keep(trade)
    note = repair.note or _sentence(trade)
    found = _differed(desk, repair)
    mended = RepairNote(now, repair.kind.value, note) if found else None
    if order is not None:
        desk.journal.settle(trade, order, desk.lease, repair=mended)
        report.orders[order.leg, order.outcome] += 1
    else:
        desk.journal.save(trade, desk.lease, repair=mended)
    if found:
        report.repairs[repair.kind.value] += 1
    if repair.kind is RepairKind.STOP_SEEN:
        report.stop_verified_after((now - (trade.entry_time or now)) / 1000)
    elif repair.kind is RepairKind.OPENED:
        report.opened.append(trade)
    elif repair.kind is RepairKind.CLOSED:
        report.add_closed(trade)
        if trade.exit_reason is ExitReason.UNEXPLAINED:
            desk.unexplained.append(trade)
    report.note(repair.kind.value, trade, note, time=now)
    return desk.keep(trade)


def _differed(desk: Desk, repair: Repair) -> bool:
    """Return whether journal and exchange disagreed: not so for what this run did itself, a stop
    that is seen for the first time, and a close by the stop, the target or somebody else."""
    before = desk.trades.get(repair.trade.signal_id)
    open_before = before is not None and before.state is TradeState.OPEN
    expected = repair.kind is RepairKind.STOP_SEEN or (
        repair.kind is RepairKind.CLOSED
        and open_before
        and repair.trade.exit_reason is not ExitReason.UNEXPLAINED
    )
    return not expected and repair.trade.signal_id not in desk.sent


def _sentence(trade: Trade) -> str:
    if trade.state is TradeState.CLOSED:
        return (
            f"{trade.exit_reason} at {trade.exit_price}, {trade.realised_pnl:+.2f} USDT after costs"
        )
    return f"{trade.side} {trade.quantity} at {trade.entry_price}, stop {trade.stop_loss}"
