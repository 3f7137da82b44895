"""What stops all entries of a run: before anything is read for them, and by what is read."""

from __future__ import annotations

from pumpwatch.domain.orders import Account
from pumpwatch.domain.rows import Rows
from pumpwatch.errors import PumpwatchError

from .look import View
from .tick import Tick
from .trading_desk import Desk

__all__ = ["block_by_run", "block_by_view"]


def block_by_run(desk: Desk, tick: Tick) -> None:
    """Block entries for a late tick, a time that is not sure, or settings that leave no time."""
    report, settings, doubt = desk.report, desk.settings, desk.clock.doubt()
    if desk.clock.now() - tick.scheduled_time > settings.max_tick_age_seconds * 1000:
        report.stale = True
        report.block("stale_tick", "the tick is older than MAX_TICK_AGE_SECONDS")
    if doubt:
        report.block("clock", doubt)
    if not settings.leaves_time_to_enter:
        report.block("time", settings.no_time_to_enter)
        desk.problem(f"no entries: {settings.no_time_to_enter}", cause="time")
    for trade in desk.trades.values():
        if trade.halts:
            report.halted = True
            report.block("halt", f"{trade.symbol}: {trade.halts}")


def block_by_view(desk: Desk, view: View) -> None:
    """Block entries where the account is not known in full, or keeps isolated margin.

    A row of ours that cannot be read holds back its own trade only: its size is in the journal.
    """
    report = desk.report
    ours = {trade.symbol for trade in desk.trades.values() if trade.state.live}
    for answer in (view.positions_error, view.open_orders, view.account):
        if isinstance(answer, PumpwatchError):
            report.block("rows", f"the account could not be read: {answer}")
    orders = view.open_orders.unreadable if isinstance(view.open_orders, Rows) else ()
    for row in (*view.positions.unreadable, *orders):
        if row.symbol not in ours:
            whose = row.symbol or "a symbol that is not named"
            report.block("rows", f"a row of {row.source} ({whose}) cannot be read: {row.reason}")
    for position in view.positions:
        for doubt in position.doubts:
            report.block("rows", f"the position of {position.symbol} is not sure: {doubt}")
    if isinstance(view.account, Account) and view.account.isolated_margin:
        text = "the account is in isolated margin mode: switch it to cross margin"
        report.block("access", text)
        desk.problem(f"no entries: {text}", cause="access")
