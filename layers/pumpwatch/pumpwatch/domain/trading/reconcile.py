"""Hold the journal against the exchange and say what to put right. Pure: it asks and sends nothing.

The journal knows what was meant; orders found by id, fills and the position say what happened.
Where they do not add up yet the answer is to wait, never to guess and never to send again.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from .evidence import (
    Evidence,
    foreign_quantity,
    needs_evidence,
    never_placed,
    outcome_of,
    seen_by_position,
    settled_as,
)
from .exits import has_sound_stop
from .orders import OrderStatus, Outcome, Position
from .performance import FillSummary
from .repairs import Repair, RepairKind, closed, dropped, exit_again, opened, waiting
from .trades import ExitReason, OrderRecord, Trade, TradeState

SEND_WITHIN, EXIT_WITHIN = 5_000, 20_000
"""Milliseconds from its intent within which an entry and an exit leave, or never:
`OrderRequest.send_by`. A late entry meets another market; a late exit is still wanted."""
RECEIVE_WINDOW = 5_000
"""Milliseconds for which the exchange accepts a request after its timestamp."""
SETTLING_TIME = 10_000
"""Milliseconds until an accepted order shows in open orders, history or executions."""
UNEXPLAINED_AFTER = 600_000
"""Milliseconds for which a position that vanished without a fill is looked for."""


def never_placed_after(settling_time: int = SETTLING_TIME, order: OrderRecord | None = None) -> int:
    """Return how long after its intent (milliseconds) an order without any trace was never placed.

    It left before its `send_by` and was accepted within the receive window; from then on it has the
    settling time to show. An order that names no `send_by` left as an entry does.
    """
    within = SEND_WITHIN
    if order is not None and order.request.send_by is not None:
        within = order.request.send_by - order.intended
    return within + RECEIVE_WINDOW + settling_time


def reconcile(
    evidence: Sequence[Evidence], *, now: int, settling_time: int = SETTLING_TIME
) -> list[Repair]:
    """Return what to put right, in the order in which it must be done.

    Per trade at most one repair of its state, then one about its stop. `now` in milliseconds UTC,
    `settling_time` in milliseconds.
    """
    repairs: list[Repair] = []
    for known in evidence:
        patience = never_placed_after(settling_time, known.pending)
        repair = _state_repair(known, now, patience)
        if repair is not None:
            repairs.append(repair)
        stop = _stop_repair(repair.trade if repair is not None else known.trade, known, now)
        if stop is not None:
            repairs.append(stop)
    return repairs


def _state_repair(evidence: Evidence, now: int, patience: int) -> Repair | None:
    trade = evidence.trade
    if not needs_evidence(trade, evidence.position):
        return None
    if evidence.missing:
        return _judge_alone(evidence, now, patience)
    return _judge_by_fills(evidence, evidence.fill_summary(), now, patience)


def _judge_by_fills(
    evidence: Evidence, summary: FillSummary, now: int, patience: int
) -> Repair | None:
    trade = evidence.trade
    if trade.state is TradeState.ENTERING:
        return _judge_entry(evidence, summary, now, patience)
    if summary.closed:
        if _exit_untraced(evidence, now, patience):
            return waiting(trade, "the position is closed, the exit's outcome is not known yet")
        return closed(evidence, summary, now)
    if trade.state is TradeState.EXITING:
        return _judge_exit(evidence, summary, now, patience)
    if not evidence.position_known:
        return None
    return _judge_open(evidence, summary, now)


def _judge_open(evidence: Evidence, summary: FillSummary, now: int) -> Repair | None:
    trade, own = evidence.trade, evidence.own
    if own is None:
        return _vanished(evidence, summary, now)
    if not summary.left:
        return waiting(trade, "no fill says whose position this is")
    same = trade.with_(vanished=None, entry_price=own.entry_price)
    if own.quantity != trade.quantity:
        note = f"held {trade.quantity}, the exchange says {own.quantity}"
        return Repair(RepairKind.RESIZED, same.with_(quantity=own.quantity), note=note)
    if trade.vanished is not None:
        return Repair(RepairKind.FOUND, same, note="the position is there")
    note = f"the average price was {trade.entry_price}, the exchange says {own.entry_price}"
    return Repair(RepairKind.RESIZED, same, note=note)


def _vanished(evidence: Evidence, summary: FillSummary, now: int) -> Repair:
    """Look for a lost position for a while, then end its trade: its result is not known in full."""
    trade = evidence.trade
    if trade.vanished is None:
        note = "the position is gone, and fills do not say why yet"
        return Repair(RepairKind.VANISHED, trade.with_(vanished=now), note=note)
    if now - trade.vanished < UNEXPLAINED_AFTER:
        return waiting(trade, "the position is still gone, and fills do not say why")
    return closed(evidence, summary, now, reason=ExitReason.UNEXPLAINED)


def _stop_repair(trade: Trade, evidence: Evidence, now: int) -> Repair | None:
    own = evidence.own
    if own is None or not trade.state.live:
        return None
    if not (evidence.proves_own or _goes_alone(trade, evidence)):
        return None
    if not has_sound_stop(trade, own):
        return Repair(RepairKind.STOP_MISSING, trade)
    if trade.stop_verified is None and trade.state is TradeState.OPEN:
        return Repair(RepairKind.STOP_SEEN, trade.with_(stop_verified=now))
    return None


def _goes_alone(trade: Trade, evidence: Evidence) -> bool:
    """Return whether the position counts as the trade's although nothing can be read to prove it.

    `trade` is as it is after the repair of its state: an entry has been taken over by then.
    """
    return bool(evidence.missing) and trade.state is not TradeState.ENTERING


def _judge_entry(evidence: Evidence, summary: FillSummary, now: int, patience: int) -> Repair:
    order = evidence.pending
    if order is None:
        return waiting(evidence.trade, "the entry's intent is not in the journal")
    status = evidence.statuses.get(order.request.order_id)
    reported = status.filled_quantity if status is not None else Decimal(0)
    age = now - order.intended
    unsettled = _why_wait_for_entry(evidence, status, summary, age, patience)
    if unsettled:
        return waiting(evidence.trade, unsettled)
    if not summary.entered and not reported:
        return dropped(evidence.trade, order, status, now)
    if summary.closed and evidence.quantity_of(order.request.order_id) >= reported:
        return closed(evidence, summary, now)
    return opened(evidence, order, status, summary, now)


def _why_wait_for_entry(
    evidence: Evidence,
    status: OrderStatus | None,
    summary: FillSummary,
    age: int,
    patience: int,
) -> str:
    if status is None:
        if summary.entered or age >= UNEXPLAINED_AFTER:
            return ""
        if not evidence.position_known:
            return "no trace of the entry yet, and the position cannot be read"
        own = evidence.own
        # A position that no fills explain may be ours: lists do not appear all at once.
        explained = own is None or foreign_quantity(evidence) >= own.quantity
        return "" if age >= patience and explained else "no trace of the entry yet"
    if not status.state.ended:
        return f"the entry is {status.state}"
    lagging = evidence.quantity_of(status.order_id) < status.filled_quantity and not evidence.own
    if lagging and age < UNEXPLAINED_AFTER:
        return "the entry's fills are not there yet"
    return ""


def _exit_untraced(evidence: Evidence, now: int, patience: int) -> bool:
    """Return whether an exit on its way has neither been found nor filled, and may still be."""
    order = evidence.pending
    if evidence.trade.state is not TradeState.EXITING or order is None:
        return False
    if order.outcome is not Outcome.UNKNOWN or now - order.intended >= patience:
        return False
    known = order.request.order_id in evidence.statuses
    return not known and not evidence.filled_by(order.request.order_id)


def _judge_exit(evidence: Evidence, summary: FillSummary, now: int, patience: int) -> Repair:
    trade, order = evidence.trade, evidence.pending
    if order is None:
        note = "the exit's intent is not in the journal"
        return Repair(RepairKind.EXIT_ENDED, trade.with_(state=TradeState.OPEN), note=note)
    status = evidence.statuses.get(order.request.order_id)
    if status is None:
        if now - order.intended < patience:
            return waiting(trade, "no trace of the exit yet")
        return exit_again(trade, outcome_of(evidence, order, now), evidence.own)
    return _judge_found_exit(evidence, order, status, summary, now, patience)


def _judge_found_exit(
    evidence: Evidence,
    order: OrderRecord,
    status: OrderStatus,
    summary: FillSummary,
    now: int,
    patience: int,
) -> Repair:
    trade = evidence.trade
    if not status.state.ended:
        return waiting(trade, f"the exit is {status.state}")
    seen, age = evidence.quantity_of(order.request.order_id), now - order.intended
    unreported, gone = seen < status.filled_quantity, evidence.own is None
    if age < (UNEXPLAINED_AFTER if unreported else patience if seen and gone else 0):
        return waiting(trade, "the exit's fills are not there yet")
    if unreported and gone and evidence.position_known:
        return closed(evidence, summary, now, reason=ExitReason.UNEXPLAINED)
    return exit_again(trade, settled_as(order, status, now), evidence.own)


def _judge_alone(evidence: Evidence, now: int, patience: int) -> Repair | None:
    """Judge by journal and position where orders or fills cannot be read: stops and exits go on.

    An exit without an answer goes again after `patience`; where the position is gone the books are
    closed after `UNEXPLAINED_AFTER`, and the result is not known then.
    """
    trade, own = evidence.trade, evidence.own
    if not evidence.position_known:
        return waiting(trade, "neither the position nor the fills can be read")
    if own is None:
        return _gone_alone(evidence, now)
    if trade.state is TradeState.ENTERING:
        return _entered_alone(evidence, own, now)
    if trade.state is TradeState.EXITING:
        return _exiting_alone(evidence, own, now, patience)
    if own.quantity == trade.quantity:
        return None
    note = f"held {trade.quantity}, the exchange says {own.quantity}; fills cannot be read"
    return Repair(RepairKind.RESIZED, trade.with_(quantity=own.quantity, vanished=None), note=note)


def _gone_alone(evidence: Evidence, now: int) -> Repair:
    if now - (evidence.trade.unreadable or now) < UNEXPLAINED_AFTER:
        return waiting(evidence.trade, "no position, and the fills cannot be read")
    return closed(evidence, FillSummary(), now, reason=ExitReason.UNEXPLAINED)


def _entered_alone(evidence: Evidence, own: Position, now: int) -> Repair:
    trade, order = evidence.trade, evidence.pending
    if own.quantity > trade.quantity:
        return waiting(trade, "the position may be somebody else's, and fills cannot be read")
    after = trade.with_(
        state=TradeState.OPEN,
        quantity=own.quantity,
        entry_price=own.entry_price,
        entry_time=trade.entry_time or now,
    )
    record = seen_by_position(order, own, now) if order is not None else None
    return Repair(RepairKind.OPENED, after, record)


def _exiting_alone(evidence: Evidence, own: Position, now: int, patience: int) -> Repair:
    trade, order = evidence.trade, evidence.pending
    if order is None or now - order.intended < patience:
        return waiting(trade, "the exit's outcome cannot be read yet")
    return exit_again(trade, never_placed(order, now), own)
