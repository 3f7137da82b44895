"""Why an open trade must be closed at market now: its time limit, its contract, or a person.

A halt that closes positions does so in every run while it is in force, one attempt class after the
other, reduce-only; what is not Pumpwatch's own is left alone.
"""

from __future__ import annotations

from pumpwatch.domain.trading.exits import exit_due, may_exit
from pumpwatch.domain.trading.trades import ExitReason, Trade

from .run import Run


def exit_reason(run: Run, trade: Trade) -> ExitReason | None:
    """Return why the trade must be closed now, or None."""
    now, contract = run.now(), run.contracts.known(trade.symbol)
    delivery = contract.delivery_time if contract is not None else None
    due = exit_due(trade, min(now, run.ports.clock.earliest()), delivery)
    if due is None and run.closes_all and may_exit(trade, now):
        return ExitReason.HALT
    return due
