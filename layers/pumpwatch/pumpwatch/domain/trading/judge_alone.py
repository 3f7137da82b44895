"""The repair of a trade whose orders or fills cannot be read, and not for the first time.

Journal and position decide alone: stops and exits go on. Pure.
"""

from __future__ import annotations

from pumpwatch.domain.trading.evidence import never_placed, seen_by_position

from .evidence import Evidence
from .orders import Position
from .performance import FillSummary
from .repairs import Repair, RepairKind, closed, exit_again, waiting
from .trades import ExitReason, TradeState


def judge_alone(
    evidence: Evidence, now: int, *, patience: int, patience_gone: int
) -> Repair | None:
    """Return what the position says of the trade, None where it says what the journal says.

    An exit without an answer goes again after `patience`; where the position is gone the books are
    closed after `patience_gone`, both in milliseconds: the result is not known then.
    """
    trade, own = evidence.trade, evidence.own
    if not evidence.position_known:
        return waiting(trade, "neither the position nor the fills can be read")
    if own is None:
        return _gone(evidence, now, patience_gone)
    if trade.state is TradeState.ENTERING:
        return _entered(evidence, own, now)
    if trade.state is TradeState.EXITING:
        return _exiting(evidence, own, now, patience)
    if own.quantity == trade.quantity:
        return None
    note = f"held {trade.quantity}, the exchange says {own.quantity}; fills cannot be read"
    return Repair(RepairKind.RESIZED, trade.with_(quantity=own.quantity, vanished=None), note=note)


def _gone(evidence: Evidence, now: int, patience: int) -> Repair:
    if now - (evidence.trade.unreadable or now) < patience:
        return waiting(evidence.trade, "no position, and the fills cannot be read")
    return closed(evidence, FillSummary(), now, reason=ExitReason.UNEXPLAINED)


def _entered(evidence: Evidence, own: Position, now: int) -> Repair:
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


def _exiting(evidence: Evidence, own: Position, now: int, patience: int) -> Repair:
    trade, order = evidence.trade, evidence.pending
    if order is None or now - order.intended < patience:
        return waiting(trade, "the exit's outcome cannot be read yet")
    return exit_again(trade, never_placed(order, now), own)
