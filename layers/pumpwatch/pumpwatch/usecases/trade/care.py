"""The care for live trades: stops first, then exits, then what differs from the journal.

It needs the journal and the position of a trade's symbol, nothing else. What cannot be read of one
trade holds that trade back, and no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pumpwatch.domain.trading.evidence import Evidence, needs_evidence, outcome_of, own_position
from pumpwatch.domain.trading.exits import has_sound_stop
from pumpwatch.domain.trading.orders import Leg, Outcome, Position
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.errors import (
    InvariantBroken,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    SkipSymbol,
    StoreUnavailable,
)

from .close_out import exit_reason
from .evidence import gather
from .holdings import Holding, holdings
from .late_fills import LateFills, explain_fills
from .order_flow import close_at_market, guard, hold_back, settle
from .run import Desk

FAILURES = (RetryLater, OutcomeUnknown, Rejected, SkipSymbol, InvariantBroken)
"""What ends the care for one trade and no other's."""


class Care:
    """Look after the trades that are live. One per warm function."""

    def __init__(self) -> None:
        self._late_fills = LateFills()

    def run(self, desk: Desk, listed: Rows[Position] | RetryLater) -> None:
        """Care for every live trade with the list of positions, or with what can be had without it.

        Raises `LeaseLost` and what stops trading as a whole; a single trade's failure is a problem
        in the report.
        """
        trades = desk.live
        held = holdings(desk, listed, trades)
        guarded = self._guard_bare(desk, trades, held)
        for trade in sorted(trades, key=lambda trade: trade.closes_at):
            holding = None if trade.signal_id in guarded else held[trade.signal_id]
            _care_for(desk, desk.trades[trade.signal_id], holding)
        if isinstance(listed, Rows):
            self._take_up(desk, listed)

    def _guard_bare(self, desk: Desk, trades: list[Trade], held: Mapping[str, Holding]) -> set[str]:
        """See to the open trades whose position has lost its stop, all together."""
        bare = []
        for trade in trades:
            own = own_position(trade, held[trade.signal_id].position)
            if (
                own is not None
                and not needs_evidence(trade, own)
                and not has_sound_stop(trade, own)
            ):
                bare.append((trade, own))
        guard(desk, bare)
        return {trade.signal_id for trade, _ in bare}

    def _take_up(self, desk: Desk, positions: Rows[Position]) -> None:
        """Care for positions that are ours by a late fill."""
        try:
            for trade in self._late_fills.adopt(desk, positions):
                _care_for(desk, trade, holdings(desk, positions, [trade])[trade.signal_id])
        except RetryLater as error:
            desk.refused(error, "foreign positions could not be held against our fills")


def _care_for(desk: Desk, trade: Trade, holding: Holding | None) -> None:
    """Reconcile one trade and close it when it is due; its failure stays its own.

    `holding` None: its stop has just been seen to, only an exit may be due.
    """
    if not desk.has_time(1):
        desk.report.care_missed += 1
        desk.problem("too little time was left to care for it", trade, cause="time")
        return
    try:
        trade = trade if holding is None else _reconciled(desk, trade, holding)
    except FAILURES as error:
        # What keeps the books from being put right keeps no exit back.
        desk.refused(error, type(error).__name__, trade)
        trade = desk.trades[trade.signal_id]
    try:
        reason = exit_reason(desk, trade)
        if reason is not None:
            close_at_market(desk, trade, reason)
    except FAILURES as error:
        desk.refused(error, type(error).__name__, trade)


def _reconciled(desk: Desk, trade: Trade, holding: Holding) -> Trade:
    """Hold the trade against the exchange, put right what differs, and see to its stop."""
    if not needs_evidence(trade, holding.position):
        return settle(desk, Evidence(trade, holding.position))
    if trade.state is TradeState.OPEN and not holding.known:
        return trade
    evidence = _evidence(desk, trade, holding)
    if evidence.missing:
        for sentence in evidence.missing:
            desk.problem(sentence, trade, cause="rows")
        return settle(desk, evidence) if trade.unreadable else hold_back(desk, trade)
    try:
        if trade.unreadable is not None:
            evidence = _readable_again(desk, evidence)
        evidence = explain_fills(desk, evidence)
    except StoreUnavailable as error:
        # It waits for the table; the stop does not.
        desk.refused(error, "its books were not brought up to date", trade)
    return settle(desk, evidence)


def _evidence(desk: Desk, trade: Trade, holding: Holding) -> Evidence:
    """Return what the exchange says of the trade; nothing but the position without its orders."""
    try:
        orders = desk.journal.orders(trade.signal_id)
    except RetryLater as error:
        missing = [f"the trade's orders could not be read: {error}"]
        position = holding.position
        return Evidence(trade, position, position_known=holding.known, missing=missing)
    return gather(desk, trade, orders, holding)


def _readable_again(desk: Desk, evidence: Evidence) -> Evidence:
    """Store that the trade can be read again, and the entry as its fills tell it."""
    trade = evidence.trade.with_(unreadable=None)
    entry = next((order for order in evidence.orders if order.leg is Leg.ENTRY), None)
    told = evidence.quantity_of(entry.request.order_id) if entry is not None else 0
    if entry is None or entry.outcome is Outcome.UNKNOWN or entry.filled_quantity == told:
        desk.journal.save(trade, desk.lease)
        return replace(evidence, trade=desk.keep(trade))
    record = outcome_of(evidence, entry, desk.clock.now())
    desk.journal.settle(trade, record, desk.lease)
    orders = [record if order is entry else order for order in evidence.orders]
    return replace(evidence, trade=desk.keep(trade), orders=orders)
