"""What a person asks of an installation: to halt, to resume, to close a trade."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import replace

from pumpwatch.domain.trading.halt import CloseRequest, Halt
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import BadInput
from pumpwatch.ports import HaltStore, Journal
from pumpwatch_workbench.pages.words import moment

from .installation import Installation

SHORTEST_REASON = 3
"""Letters of the reason to resume."""


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


def legible(text: object) -> str:
    """Return a text without what a terminal obeys or a reader does not see.

    Raises `TypeError` for what is no text.
    """
    if not isinstance(text, str):
        raise TypeError("no text")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def halt_entries(here: Installation, wanted: Halt) -> Halt:
    """Halt it in the operator's name; return the halt in force, which may be an earlier one."""
    wanted = replace(wanted, by=here.operator, reason=legible(wanted.reason))
    here.halts.halt(wanted)
    return here.halts.current() or wanted


def resume_entries(here: Installation, reason: str, trades: Collection[str]) -> list[Trade]:
    """Resume, having looked at some trades; return those that halt it still. Raises `BadInput`."""
    halting = halting_trades(here.journal, here.halts)
    if unknown := set(trades) - {trade.signal_id for trade in halting}:
        raise BadInput(f"no trade that halts entries has the id {', '.join(sorted(unknown))}")
    if not trades and here.halts.current() is None:
        lines = "\n".join(describe(halting))
        only = f"only trades halt it: name them with --trade or --all-trades\n{lines}"
        nothing = only if halting else "it is not halted: there is nothing to resume"
        raise BadInput(f"{here.name}: {nothing}")
    here.halts.resume(by=f"{here.operator}: {legible(reason)}", time=now(), trades=trades)
    return [trade for trade in halting if trade.signal_id not in trades]


def ask_to_close(here: Installation, trade: Trade, reason: str) -> None:
    """Let the next run close a trade at market."""
    here.halts.ask_to_close(CloseRequest(trade.signal_id, now(), here.operator, legible(reason)))


def now() -> int:
    """Return this machine's time, milliseconds UTC."""
    return time.time_ns() // 1_000_000
