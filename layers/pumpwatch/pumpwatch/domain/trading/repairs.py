"""The kinds of repairs, and the trade after each of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from .evidence import Evidence, never_placed, outcome_of, settled_as
from .orders import OrderStatus, Outcome, Position
from .performance import FillSummary
from .trades import ExitReason, OrderRecord, Trade, TradeState

UNEXPLAINED_END = "the position is gone and no fill says why"


class RepairKind(StrEnum):
    """The subject of a repair."""

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


def waiting(trade: Trade, note: str) -> Repair:
    """Return that nothing is to be stored yet, and why."""
    return Repair(RepairKind.WAITING, trade, note=note)


def exit_again(trade: Trade, record: OrderRecord, own: Position | None) -> Repair:
    """Return the trade after an exit that left a position: the next attempt may go."""
    # Without a position in the list it may have vanished: the next look, as an open trade, says so.
    left = own.quantity if own is not None else trade.quantity
    attempt = max(trade.exit_attempt, record.attempt) + 1
    again = trade.with_(state=TradeState.OPEN, quantity=left, exit_attempt=attempt)
    return Repair(RepairKind.EXIT_ENDED, again, record, record.detail or f"{left} is left")


def dropped(trade: Trade, order: OrderRecord, status: OrderStatus | None, now: int) -> Repair:
    """Return the trade after an entry that came to nothing."""
    record = settled_as(order, status, now) if status is not None else never_placed(order, now)
    after = trade.with_(
        state=TradeState.DROPPED, quantity=Decimal(0), denial=record.detail or "nothing was filled"
    )
    return Repair(RepairKind.DROPPED, after, record, after.denial)


def opened(
    evidence: Evidence,
    order: OrderRecord,
    status: OrderStatus | None,
    summary: FillSummary,
    now: int,
) -> Repair:
    """Return the trade as filled, with the quantity that the exchange shows."""
    own, reported = evidence.own, status.filled_quantity if status is not None else Decimal(0)
    trade = evidence.trade.with_(
        state=TradeState.OPEN,
        quantity=own.quantity if own is not None else summary.left or reported,
        entry_price=summary.entry_price or (own.entry_price if own is not None else None),
        entry_time=summary.entry_time or (status.updated if status is not None else now),
    )
    return Repair(RepairKind.OPENED, trade, outcome_of(evidence, order, now))


def closed(
    evidence: Evidence, summary: FillSummary, now: int, *, reason: ExitReason | None = None
) -> Repair:
    """Return the trade as ended, with the result that its fills add up to."""
    trade, order = evidence.trade, evidence.pending
    unsettled = order is not None and order.outcome is Outcome.UNKNOWN
    record = outcome_of(evidence, order, now) if order is not None and unsettled else None
    unexplained = reason is ExitReason.UNEXPLAINED
    ended = trade.with_(
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
        halts=UNEXPLAINED_END if unexplained else trade.halts,
    )
    return Repair(RepairKind.CLOSED, ended, record)
