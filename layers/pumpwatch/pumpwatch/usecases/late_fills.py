"""Entries that were given up as never placed, and that the exchange has carried out later.

An overloaded exchange can work an order off after the time in which it should have shown. Its fills
bear our id: by them a position that no trade explains is ours again, with the stop and the time
limit that the journal has kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pumpwatch.domain.evidence import Evidence, foreign_positions, strange_fills
from pumpwatch.domain.orders import Position, order_id_prefix
from pumpwatch.domain.repairs import Repair, RepairKind
from pumpwatch.domain.settling import is_never_placed, outcome_of
from pumpwatch.domain.trades import ExitReason, Trade, TradeState

from .evidence import gather
from .holdings import Holding, position_in
from .order_flow import close_at_market
from .repairs import store_repair
from .trading_desk import Desk

__all__ = ["LateFills", "explain_fills"]

LOOKED_FOR = 7 * 86_400_000
"""Milliseconds for which the fills of an entry that was never placed are looked for."""
SETTLES_IN = 600_000
"""Milliseconds for which a foreign position is looked at: executions may show after it."""


class LateFills:
    """Find foreign positions that are ours by their fills. One per warm function."""

    def __init__(self) -> None:
        self._first_seen: dict[tuple[object, ...], int] = {}

    def adopt(self, desk: Desk, positions: Sequence[Position]) -> list[Trade]:
        """Return the trades that hold a foreign position by a late fill; they need care again."""
        now = desk.clock.now()
        foreign = [one for one in foreign_positions(desk.live, positions) if not one.hedge]
        keys = {(one.symbol, one.side, one.quantity, one.entry_price): one for one in foreign}
        self._first_seen = {key: self._first_seen.get(key, now) for key in keys}
        fresh = [one for key, one in keys.items() if now - self._first_seen[key] < SETTLES_IN]
        if not fresh:
            return []
        symbols = {one.symbol for one in fresh}
        dropped = [
            trade
            for trade in desk.journal.trades_since(max(0, now - LOOKED_FOR))
            if trade.symbol in symbols and is_never_placed(trade)
        ]
        adopted = [_adopted(desk, trade, position_in(fresh, trade.symbol)) for trade in dropped]
        return [trade for trade in adopted if trade is not None]


def explain_fills(desk: Desk, evidence: Evidence) -> Evidence:
    """Return the evidence without the fills of our other trades of the symbol.

    The late fill of an entry that was given up is closed at once: it shares the position with this
    trade. A fill of ours that no order in the journal explains halts entries.
    """
    trade = evidence.trade
    strange = strange_fills(evidence, order_id_prefix(trade.installation))
    if not strange or not trade.installation:
        return evidence
    since = max(0, desk.clock.now() - LOOKED_FOR)
    others = [
        one
        for one in desk.journal.trades_since(since)
        if one.symbol == trade.symbol and one.signal_id != trade.signal_id
    ]
    owners = {
        order.request.order_id: one
        for one in others
        for order in desk.journal.orders(one.signal_id)
    }
    unknown = {fill.order_id for fill in strange} - owners.keys()
    if unknown and not trade.halts:
        reason = (
            f"order {min(unknown)} bears our mark and was filled; the journal has no such order"
        )
        desk.problem(reason, trade, cause="order")
        trade = trade.with_(halts=reason)
        desk.journal.save(trade, desk.lease)
        desk.keep(trade)
    position = evidence.position
    for late in {
        owners[fill.order_id].signal_id: owners[fill.order_id]
        for fill in strange
        if fill.order_id in owners
    }.values():
        if is_never_placed(late):
            position = _closed_beside(desk, late, position)
    fills = [fill for fill in evidence.fills if fill.order_id not in owners]
    return replace(evidence, trade=trade, position=position, fills=fills)


def _adopted(desk: Desk, trade: Trade, position: Position | None) -> Trade | None:
    """Take a trade up again whose entry has been filled after all; None when it was not."""
    orders = desk.journal.orders(trade.signal_id)
    evidence = gather(desk, trade, orders, Holding(position))
    summary = evidence.fill_summary()
    if not orders or not summary.left or position is None or position.side is not trade.side:
        return None
    opened = trade.with_(
        state=TradeState.OPEN,
        quantity=min(summary.left, position.quantity),
        entry_price=summary.entry_price,
        entry_time=summary.entry_time,
        denial="",
    )
    text = "its entry was filled after it had been given up: taken up again"
    desk.problem(text, trade, cause="order")
    record = outcome_of(evidence, orders[0], desk.clock.now())
    return store_repair(desk, Repair(RepairKind.OPENED, opened, record, text))


def _closed_beside(desk: Desk, late: Trade, position: Position | None) -> Position | None:
    """Close a late fill that shares the position with a newer trade; return what is left of it."""
    adopted = _adopted(desk, late, position)
    if adopted is None or position is None:
        return position
    close_at_market(desk, adopted, ExitReason.LATE_FILL)
    rest = position.quantity - adopted.quantity
    return replace(position, quantity=rest) if rest > 0 else None
