"""Ask the exchange about one trade: its orders, its fills, and what is held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from pumpwatch.domain.trading.evidence import Evidence
from pumpwatch.domain.trading.orders import Fill, Leg, Outcome, Position, order_id_prefix
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import OrderRecord, Trade, TradeState
from pumpwatch.errors import RetryLater

from .holdings import Holding, holdings
from .run import Run

FILL_MARGIN = 5_000
"""Milliseconds by which fills are read from before the trade's creation: clocks differ."""

Answer = TypeVar("Answer")


def gather(
    run: Run, trade: Trade, orders: Sequence[OrderRecord], holding: Holding | None = None
) -> Evidence:
    """Return what orders, fills and position say, asked for in one round of reads.

    Without `holding` the position is asked for too. What cannot be read is `missing` in the
    evidence; nothing is raised for it.
    """
    listed = run.ports.start(run.ports.broker.positions) if holding is None else None
    unsettled = [order for order in orders if order.outcome is Outcome.UNKNOWN]
    asked = [
        run.ports.start(partial(run.ports.broker.find_order, trade.symbol, order.request.order_id))
        for order in unsettled
    ]
    since = trade.created - FILL_MARGIN
    filled = run.ports.start(partial(run.ports.broker.fills, trade.symbol, since=since))
    if listed is not None:
        rows: Rows[Position] | RetryLater = run.answer_or_error(listed)
        holding = holdings(run, rows, [trade])[trade.signal_id]
    missing: list[str] = []
    statuses = [_answer(future, missing) for future in asked]
    fills: Rows[Fill] = _answer(filled, missing) or Rows()
    missing += _missing(trade, orders, fills)
    for row in fills.unreadable:
        run.report.unreadable[row.source] += 1
    try:
        _learn_owners(run, trade, orders, fills)
    except RetryLater as error:
        missing.append(f"whose the fills of {trade.symbol} are is not known: {error}")
    return Evidence(
        trade=trade,
        position=holding.position if holding is not None else None,
        orders=orders,
        statuses={status.order_id: status for status in statuses if status is not None},
        fills=[fill for fill in fills if run.is_of(trade, fill)],
        others=[fill for fill in fills if not run.is_of(trade, fill)],
        position_known=holding is not None and holding.known,
        missing=missing,
    )


def _learn_owners(
    run: Run, trade: Trade, orders: Sequence[OrderRecord], fills: Iterable[Fill]
) -> None:
    """Find out which trade of the symbol each fill of ours belongs to, where not all are known."""
    known = run.owners.keys() | {order.request.order_id for order in orders}
    prefix = order_id_prefix(trade.installation)
    marked = {fill.order_id for fill in fills if fill.order_id.startswith(prefix)}
    if not trade.installation or marked <= known:
        return
    for other in run.recent_trades():
        if other.symbol == trade.symbol:
            ids = (order.request.order_id for order in run.ports.journal.orders(other.signal_id))
            run.owners.update((name, other.signal_id) for name in ids)


def _answer(asked: Future[Answer], missing: list[str]) -> Answer | None:
    try:
        return asked.result()
    except RetryLater as error:
        missing.append(str(error))
        return None


def _missing(trade: Trade, orders: Sequence[OrderRecord], fills: Rows[Fill]) -> Iterator[str]:
    """Yield what a list of fills lacks: rows that may be ours, or the fills of a known entry."""
    ours = {order.request.order_id: order.leg for order in orders}
    for row in fills.unreadable:
        # The executions of stops and liquidations bear no id of ours.
        if not row.order_id or row.order_id in ours:
            yield f"an execution cannot be read: {row.reason}"
    entered = any(ours.get(fill.order_id) is Leg.ENTRY for fill in fills)
    if trade.state is not TradeState.ENTERING and not entered:
        yield "the fills of the entry are not in the list"
