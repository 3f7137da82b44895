"""Ended trades that halt entries until a person has looked at them and resumed by their names."""

from __future__ import annotations

from collections.abc import Iterable

from pumpwatch.domain.trading.trades import Trade
from pumpwatch.ports import HaltStore, Journal
from pumpwatch_workbench.pages.words import moment


def halting_trades(journal: Journal, halts: HaltStore) -> list[Trade]:
    """Return the trades that nobody has looked at yet, oldest first. Raises `StoreUnavailable`."""
    seen = halts.looked_at()
    return [trade for trade in journal.live_trades() if trade.halts and trade.signal_id not in seen]


def describe(trades: Iterable[Trade]) -> list[str]:
    """Return a line for each trade: symbol, since when, why, and the id that names it."""
    return [
        f"{trade.symbol} since {moment(trade.exit_time or trade.created)}: {trade.halts}"
        f" (--trade {trade.signal_id})"
        for trade in trades
    ]
