"""Hold the journal against the exchange and say what to put right. Pure: it asks and sends nothing.

The journal knows what was meant; orders found by id, fills and the position say what happened.
Where they do not add up yet the answer is to wait, never to guess and never to send again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from .evidence import Evidence, foreign_quantity, needs_evidence
from .exits import has_sound_stop
from .orders import OrderStatus, Outcome, Position
from .performance import FillSummary
from .settling import never_placed, outcome_of, settled_as
from .trades import ExitReason, OrderRecord, Trade, TradeState

__all__ = [
    "SEND_WITHIN",
    "UNEXPLAINED_AFTER",
    "Repair",
    "RepairKind",
    "never_placed_after",
    "reconcile",
]

SEND_WITHIN = 5_000
"""Milliseconds from its intent within which a request leaves, or never: `OrderRequest.send_by`."""
RECEIVE_WINDOW = 5_000
"""Milliseconds for which the exchange accepts a request after its timestamp."""
SETTLING_TIME = 10_000
"""Milliseconds until an accepted order shows in open orders, history or executions."""
UNEXPLAINED_AFTER = 600_000
"""Milliseconds for which a position that vanished without a fill is looked for."""


def never_placed_after(settling_time: int = SETTLING_TIME) -> int:
    """Return how long after its intent (milliseconds) an order without any trace was never placed.

    It left at most `SEND_WITHIN` after the intent and was accepted within the receive window; from
    then on it has the settling time to show.
    """
    return SEND_WITHIN + RECEIVE_WINDOW + settling_time


class RepairKind(StrEnum):
    """What a repair is about."""

    WAITING = "waiting"
    """Not known yet: nothing to store, ask again at the next look."""
    DROPPED = "dropped"
    """The entry came to nothing."""
    OPENED = "opened"
    """The entry was filled, at least in part."""
    EXIT_ENDED = "exit_ended"
    """An exit ended and a position is left, or it was never placed: it may go again."""
    RESIZED = "resized"
    """The position has another size than the journal says."""
    CLOSED = "closed"
    STOP_MISSING = "stop_missing"
    """The position has no stop on the exchange."""
    STOP_SEEN = "stop_seen"
    """The stop is on the exchange; it was not verified before."""
    VANISHED = "vanished"
    """The position is not found, and no fill says what became of it."""
    FOUND = "found"
    """A position that had vanished is there again."""


@dataclass(frozen=True, slots=True)
class Repair:
    """One thing to put right: the trade as it shall be stored, and the order that is settled."""

    kind: RepairKind
    trade: Trade
    order: OrderRecord | None = None
    note: str = ""


def reconcile(
    evidence: Sequence[Evidence], *, now: int, settling_time: int = SETTLING_TIME
) -> list[Repair]:
    """Return what to put right, in the order in which it must be done.

    Per trade at most one repair of its state, then one about its stop. `now` in milliseconds UTC,
    `settling_time` in milliseconds.
    """
    repairs: list[Repair] = []
    patience = never_placed_after(settling_time)
    for one in evidence:
        repair = _state_repair(one, now, patience)
        if repair is not None:
            repairs.append(repair)
        stop = _stop_repair(repair.trade if repair is not None else one.trade, one.own, now)
        if stop is not None:
            repairs.append(stop)
    return repairs


def _state_repair(evidence: Evidence, now: int, patience: int) -> Repair | None:
    trade = evidence.trade
    if not needs_evidence(trade, evidence.position):
        return None
    summary = evidence.fill_summary()
    if trade.state is TradeState.ENTERING:
        return _judge_entry(evidence, summary, now, patience)
    if summary.closed:
        if _exit_untraced(evidence, now, patience):
            return _waiting(trade, "the position is closed, the exit's outcome is not known yet")
        return _closed(evidence, summary, now)
    if trade.state is TradeState.EXITING:
        return _judge_exit(evidence, now, patience)
    return _judge_open(evidence, summary, now)


def _judge_open(evidence: Evidence, summary: FillSummary, now: int) -> Repair:
    trade = evidence.trade
    if evidence.own is None:
        return _vanished(evidence, summary, now)
    if evidence.own.quantity == trade.quantity:
        return Repair(RepairKind.FOUND, trade.with_(vanished=None), note="the position is there")
    note = f"held {trade.quantity}, the exchange says {evidence.own.quantity}"
    resized = trade.with_(quantity=evidence.own.quantity, vanished=None)
    return Repair(RepairKind.RESIZED, resized, note=note)


def _vanished(evidence: Evidence, summary: FillSummary, now: int) -> Repair:
    """Look for a lost position for a while, then end its trade: its result is not known in full."""
    trade = evidence.trade
    if trade.vanished is None:
        note = "the position is gone, and fills do not say why yet"
        return Repair(RepairKind.VANISHED, trade.with_(vanished=now), note=note)
    if now - trade.vanished < UNEXPLAINED_AFTER:
        return _waiting(trade, "the position is still gone, and fills do not say why")
    return _closed(evidence, summary, now, reason=ExitReason.UNEXPLAINED)


def _stop_repair(trade: Trade, own: Position | None, now: int) -> Repair | None:
    if own is None or not trade.state.live:
        return None
    if not has_sound_stop(trade, own):
        return Repair(RepairKind.STOP_MISSING, trade)
    if trade.stop_verified is None and trade.state is TradeState.OPEN:
        return Repair(RepairKind.STOP_SEEN, trade.with_(stop_verified=now))
    return None


def _judge_entry(evidence: Evidence, summary: FillSummary, now: int, patience: int) -> Repair:
    order = evidence.pending
    if order is None:
        return _waiting(evidence.trade, "the entry's intent is not in the journal")
    status = evidence.found.get(order.request.order_id)
    reported = status.filled_quantity if status is not None else Decimal(0)
    age = now - order.intended
    unsettled = _why_wait_for_entry(evidence, status, summary, age, patience)
    if unsettled:
        return _waiting(evidence.trade, unsettled)
    if not summary.entered and not reported:
        return _dropped(evidence.trade, order, status, now)
    if summary.closed and evidence.quantity_of(order.request.order_id) >= reported:
        return _closed(evidence, summary, now)
    return _opened(evidence, order, status, summary, now)


def _why_wait_for_entry(
    evidence: Evidence,
    status: OrderStatus | None,
    summary: FillSummary,
    age: int,
    patience: int,
) -> str:
    """Return what is missing to settle the entry, or an empty text."""
    if status is None:
        if summary.entered or age >= UNEXPLAINED_AFTER:
            return ""
        own = evidence.own
        # A position that nobody's fills explain may be ours: lists do not appear all at once.
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
    known = order.request.order_id in evidence.found
    return not known and not evidence.filled_by(order.request.order_id)


def _judge_exit(evidence: Evidence, now: int, patience: int) -> Repair:
    trade, order = evidence.trade, evidence.pending
    if order is None:
        note = "the exit's intent is not in the journal"
        return Repair(RepairKind.EXIT_ENDED, trade.with_(state=TradeState.OPEN), note=note)
    status = evidence.found.get(order.request.order_id)
    if status is None:
        if now - order.intended < patience:
            return _waiting(trade, "no trace of the exit yet")
        return _exit_again(trade, outcome_of(evidence, order, now), evidence.own)
    if not status.state.ended:
        return _waiting(trade, f"the exit is {status.state}")
    seen = evidence.quantity_of(order.request.order_id)
    fresh = now - order.intended < patience
    if seen < status.filled_quantity or (seen and evidence.own is None and fresh):
        return _waiting(trade, "the exit's fills are not there yet")
    return _exit_again(trade, settled_as(order, status, now), evidence.own)


def _waiting(trade: Trade, note: str) -> Repair:
    return Repair(RepairKind.WAITING, trade, note=note)


def _exit_again(trade: Trade, record: OrderRecord, own: Position | None) -> Repair:
    # Without a position in the list it may have vanished: the next look, as an open trade, says so.
    left = own.quantity if own is not None else trade.quantity
    attempt = max(trade.exit_attempt, record.attempt) + 1
    again = trade.with_(state=TradeState.OPEN, quantity=left, exit_attempt=attempt)
    return Repair(RepairKind.EXIT_ENDED, again, record, record.detail or f"{left} is left")


def _dropped(trade: Trade, order: OrderRecord, status: OrderStatus | None, now: int) -> Repair:
    record = settled_as(order, status, now) if status is not None else never_placed(order, now)
    dropped = trade.with_(
        state=TradeState.DROPPED, quantity=Decimal(0), denial=record.detail or "nothing was filled"
    )
    return Repair(RepairKind.DROPPED, dropped, record, dropped.denial)


def _opened(
    evidence: Evidence,
    order: OrderRecord,
    status: OrderStatus | None,
    summary: FillSummary,
    now: int,
) -> Repair:
    own, reported = evidence.own, status.filled_quantity if status is not None else Decimal(0)
    trade = evidence.trade.with_(
        state=TradeState.OPEN,
        quantity=own.quantity if own is not None else summary.left or reported,
        entry_price=summary.entry_price or (own.entry_price if own is not None else None),
        entry_time=summary.entry_time or (status.updated if status is not None else now),
    )
    return Repair(RepairKind.OPENED, trade, outcome_of(evidence, order, now))


def _closed(
    evidence: Evidence, summary: FillSummary, now: int, *, reason: ExitReason | None = None
) -> Repair:
    trade, order = evidence.trade, evidence.pending
    unsettled = order is not None and order.outcome is Outcome.UNKNOWN
    record = outcome_of(evidence, order, now) if order is not None and unsettled else None
    closed = trade.with_(
        state=TradeState.CLOSED,
        quantity=summary.entered or trade.quantity,
        entry_price=summary.entry_price or trade.entry_price,
        entry_time=summary.entry_time or trade.entry_time,
        exit_price=summary.exit_price,
        exit_time=summary.exit_time or now,
        exit_reason=reason or summary.exit_reason,
        realised_pnl=summary.realised(trade.side),
        fees=summary.fees,
        funding=summary.funding,
    )
    return Repair(RepairKind.CLOSED, closed, record)
