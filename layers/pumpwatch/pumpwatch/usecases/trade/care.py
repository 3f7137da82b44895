"""The care for live trades: stops first, then exits, then what differs from the journal.

It needs the journal and the position of a trade's symbol, nothing else. What cannot be read of one
trade holds that trade back, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pumpwatch.domain.trading.evidence import Evidence, needs_evidence, outcome_of, own_position
from pumpwatch.domain.trading.exits import exit_due, has_sound_stop, may_exit
from pumpwatch.domain.trading.orders import Leg, Outcome, Position
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState
from pumpwatch.errors import (
    InvariantBroken,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    SkipSymbol,
    StoreUnavailable,
)

from .evidence import gather
from .holdings import Holding, holdings
from .late_fills import LateFills, explain_fills
from .order_flow import close_at_market, hold_back, protect, settle
from .run import Run

FAILURES = (RetryLater, OutcomeUnknown, Rejected, SkipSymbol, InvariantBroken)
"""Errors that end the care for a single trade; the others go on."""


def care(run: Run, listed: Rows[Position] | RetryLater, late_fills: LateFills) -> None:
    """Care for every live trade with the list of positions, or with what can be had without it.

    Raises `LeaseLost` and what stops trading as a whole; a single trade's failure is a problem in
    the report.
    """
    trades = run.live
    by_trade = holdings(run, listed, trades)
    protected = _protect_all(run, trades, by_trade)
    for trade in sorted(trades, key=lambda trade: trade.closes_at):
        holding = None if trade.signal_id in protected else by_trade[trade.signal_id]
        _care_for(run, run.trades[trade.signal_id], holding)
    if not isinstance(listed, Rows):
        return
    try:
        for trade in late_fills.adopt(run, listed):
            _care_for(run, trade, holdings(run, listed, [trade])[trade.signal_id])
    except (RetryLater, InvariantBroken) as error:
        run.refused(error, "foreign positions could not be compared with our fills")


def _protect_all(run: Run, trades: list[Trade], by_trade: Mapping[str, Holding]) -> set[str]:
    """See to the open trades whose position has lost its stop, all together."""
    unprotected = []
    for trade in trades:
        own = own_position(trade, by_trade[trade.signal_id].position)
        if own is not None and not needs_evidence(trade, own) and not has_sound_stop(trade, own):
            unprotected.append((trade, own))
    protect(run, unprotected)
    return {trade.signal_id for trade, _ in unprotected}


def _care_for(run: Run, trade: Trade, holding: Holding | None) -> None:
    """Reconcile one trade and close it when it is due; its failure stays its own.

    `holding` None: its stop has just been seen to, only an exit may be due.
    """
    if not run.has_time(1):
        run.report.care_missed += 1
        run.problem("too little time was left to care for it", trade, cause="time")
        return
    try:
        trade = trade if holding is None else _reconciled(run, trade, holding)
    except FAILURES as error:
        # What keeps the books from being put right keeps no exit back.
        run.refused(error, type(error).__name__, trade)
        trade = run.trades[trade.signal_id]
    try:
        reason = _exit_reason(run, trade)
        if reason is not None:
            close_at_market(run, trade, reason)
    except FAILURES as error:
        run.refused(error, type(error).__name__, trade)


def _exit_reason(run: Run, trade: Trade) -> ExitReason | None:
    """Return why the trade must be closed at market now, or None.

    A halt that closes positions, or a request for this trade, does so in every run, one attempt
    class after the other, reduce-only; what is not Pumpwatch's own is left alone.
    """
    now, contract = run.now(), run.contracts.known(trade.symbol)
    delivery = contract.delivery_time if contract is not None else None
    due = exit_due(trade, min(now, run.ports.clock.earliest()), delivery)
    if due is not None or not may_exit(trade, now):
        return due
    request = run.to_close.get(trade.signal_id)
    if request is not None:
        who = f"{request.by or 'a person'}: {request.reason}"
        run.report.note("by_hand", f"closed for {who}", time=now, trade=trade)
        return ExitReason.BY_HAND
    return ExitReason.HALT if run.closes_all else None


def _reconciled(run: Run, trade: Trade, holding: Holding) -> Trade:
    if not needs_evidence(trade, holding.position):
        return settle(run, Evidence(trade, holding.position))
    if trade.state is TradeState.OPEN and not holding.known:
        return trade
    evidence = _evidence(run, trade, holding)
    if evidence.missing:
        for sentence in evidence.missing:
            run.problem(sentence, trade, cause="rows")
        return settle(run, evidence) if trade.unreadable else hold_back(run, trade)
    try:
        if trade.unreadable is not None:
            evidence = _readable_again(run, evidence)
        evidence = explain_fills(run, evidence)
    except StoreUnavailable as error:
        # It waits for the table; the stop does not.
        run.refused(error, "its books were not brought up to date", trade)
    return settle(run, evidence)


def _evidence(run: Run, trade: Trade, holding: Holding) -> Evidence:
    try:
        orders = run.ports.journal.orders(trade.signal_id)
    except RetryLater as error:
        missing = [f"the trade's orders could not be read: {error}"]
        position = holding.position
        return Evidence(trade, position, position_known=holding.known, missing=missing)
    return gather(run, trade, orders, holding)


def _readable_again(run: Run, evidence: Evidence) -> Evidence:
    """Store that the trade can be read again, and the entry as its fills tell it."""
    trade = evidence.trade.with_(unreadable=None)
    entry = next((order for order in evidence.orders if order.leg is Leg.ENTRY), None)
    told = evidence.quantity_of(entry.request.order_id) if entry is not None else 0
    if entry is None or entry.outcome is Outcome.UNKNOWN or entry.filled_quantity == told:
        run.save(trade)
        return replace(evidence, trade=run.keep(trade))
    record = outcome_of(evidence, entry, run.now())
    run.ports.journal.settle(trade, record, run.lease)
    orders = [record if order is entry else order for order in evidence.orders]
    return replace(evidence, trade=run.keep(trade), orders=orders)
