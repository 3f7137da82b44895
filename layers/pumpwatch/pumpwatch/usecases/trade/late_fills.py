"""Positions of trades that were given up: as never placed, or as gone without an explanation.

An overloaded exchange can work an order off after the time in which it should have shown, and a
list can hide a position for long. The fills of the entry bear our id: by them a position that no
trade explains is ours again, with the stop and the time limit that the journal has kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from pumpwatch.domain.trading.evidence import (
    Evidence,
    foreign_positions,
    is_given_up,
    outcome_of,
    strange_fills,
)
from pumpwatch.domain.trading.orders import Position, order_id_prefix
from pumpwatch.domain.trading.repairs import Repair, RepairKind
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState

from .evidence import gather
from .holdings import Holding, position_in
from .order_flow import close_at_market
from .repairs import store_repair
from .run import Run

SETTLES_IN = 600_000
"""Milliseconds for which a foreign position is looked at: executions may show after it."""


class LateFills:
    """Find foreign positions that are ours by their fills. One per warm function."""

    def __init__(self) -> None:
        self._first_seen: dict[tuple[object, ...], int] = {}

    def adopt(self, run: Run, positions: Sequence[Position]) -> list[Trade]:
        """Return the trades that hold a foreign position by a late fill; they need care again."""
        now = run.now()
        foreign = {
            (position.symbol, position.side, position.quantity, position.entry_price): position
            for position in foreign_positions(run.live, positions)
            if not position.hedge
        }
        self._first_seen = {key: self._first_seen.get(key, now) for key in foreign}
        fresh = [p for key, p in foreign.items() if now - self._first_seen[key] < SETTLES_IN]
        if not fresh:
            return []
        symbols, recent = {position.symbol for position in fresh}, run.recent_trades()
        run.unreadable(recent)
        given_up = [trade for trade in recent if trade.symbol in symbols and is_given_up(trade)]
        taken_up = [_taken_up(run, trade, position_in(fresh, trade.symbol)) for trade in given_up]
        return [trade for trade in taken_up if trade is not None]


def explain_fills(run: Run, evidence: Evidence) -> Evidence:
    """See to fills of ours that are not this trade's; return the evidence without their quantity.

    The late fill of a trade that was given up is closed at once: it shares the position with this
    one. A fill of ours that no order in the journal explains halts entries.
    """
    trade, position = evidence.trade, evidence.position
    unknown = strange_fills(evidence, order_id_prefix(trade.installation))
    if unknown and trade.installation and not trade.halts and trade.looked_at is None:
        trade = _halting(run, trade, unknown[0].order_id)
    for name in sorted({run.owners[fill.order_id] for fill in evidence.others}):
        other = run.ports.journal.trade(name)
        if other is not None and is_given_up(other):
            position = _closed_beside(run, other, position)
    return replace(evidence, trade=trade, position=position)


def _halting(run: Run, trade: Trade, order_id: str) -> Trade:
    reason = f"order {order_id} bears our mark and was filled; the journal has no such order"
    run.problem(reason, trade, cause="order")
    marked = trade.with_(halts=reason)
    run.save(marked)
    return run.keep(marked)


def _taken_up(run: Run, trade: Trade, position: Position | None) -> Trade | None:
    """Take up a trade whose entry has been filled after all; None when it holds nothing."""
    orders = run.ports.journal.orders(trade.signal_id)
    evidence = gather(run, trade, orders, Holding(position))
    summary = evidence.fill_summary()
    if not orders or not summary.left or position is None or position.side is not trade.side:
        return None
    opened = trade.with_(
        state=TradeState.OPEN,
        quantity=min(summary.left, position.quantity),
        entry_price=summary.entry_price,
        entry_time=summary.entry_time,
        exit_price=None,
        exit_time=None,
        exit_reason=None,
        realised_pnl=Decimal(0),
        vanished=None,
        unreadable=None,
        denial="",
    )
    text = "it was given up, and its fills show that it holds a position: taken up again"
    run.problem(text, trade, cause="order")
    record = outcome_of(evidence, orders[0], run.now())
    return store_repair(run, Repair(RepairKind.OPENED, opened, record, text))


def _closed_beside(run: Run, late: Trade, position: Position | None) -> Position | None:
    """Close a late fill that shares the position with a newer trade; return what is left of it."""
    taken_up = _taken_up(run, late, position)
    if taken_up is None or position is None:
        return position
    close_at_market(run, taken_up, ExitReason.LATE_FILL)
    rest = position.quantity - taken_up.quantity
    return replace(position, quantity=rest) if rest > 0 else None
