"""`pumpwatch status`: what a deployed stack, or paper trading here, is doing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.strategies import EVIDENCE, with_evidence
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch.ports import HaltStore, Journal, LockStore
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteJournal,
    SqliteLockStore,
    SqliteRunRecords,
    holder_of,
)
from pumpwatch_workbench.play.desk.options import STAGE

from .halting import describe, halting_trades, moment
from .stack import DeployedStack

Ages = dict[str, float | None]
Stores = tuple[HaltStore, Journal, LockStore]
LATEST_SUCCESS_SECONDS = 180
RUNS_LOOKED_AT = 2_000
"""Newest runs of paper trading that are read: more than a day of them."""


@dataclass(frozen=True, slots=True)
class Overview:
    """State of an installation. Ages in seconds, None where a function never succeeded."""

    stage: str
    mode: str
    halt: Halt | None
    ages: Ages
    trades: list[Trade] = field(default_factory=list)
    halting: list[Trade] = field(default_factory=list)
    """Trades that halt entries until a person resumes by their names."""
    locks: list[Lock] = field(default_factory=list)
    orders_today: int = 0
    unreadable: list[str] = field(default_factory=list)
    """Live trades whose records cannot be read: nothing is opened while there are such."""
    process: str | None = None
    """Paper trading's process; empty when it does not run, None for a deployed stack."""

    @property
    def late(self) -> list[str]:
        """Return the functions without a recent success."""
        return [
            name for name, age in self.ages.items() if age is None or age > LATEST_SUCCESS_SECONDS
        ]

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        halt = self.halt
        return {
            "stage": self.stage,
            "mode": self.mode,
            "halt": halt and asdict(halt),
            "seconds_since_success": self.ages,
            "late": self.late,
            "orders_today": self.orders_today,
            "process": self.process,
            "trades": [_trade(trade) for trade in self.trades],
            "halting": [_trade(trade) | {"reason": trade.halts} for trade in self.halting],
            "unreadable": self.unreadable,
            "locks": [
                {"protection": lock.protection, "symbol": lock.symbol, "until": lock.until}
                for lock in self.locks
            ],
        }


def overview(stack: DeployedStack, wall: Callable[[], float] = time.time) -> Overview:
    """Read the stack's state. Raises `StoreUnavailable`."""
    table, now = stack.table(), wall()
    totals = DynamoTotalsStore(table)
    ages: Ages = {}
    for name, job in (("detect", DETECT), ("trade", TRADE)):
        last = totals.last_runs(job).succeeded
        ages[name] = None if last is None else now - last
    stores = DynamoHaltStore(table), DynamoJournal(table), DynamoLockStore(table)
    return _overview(stack.stage, stack.output("TradingMode"), ages, now, stores)


def overview_of_store(database: Database, wall: Callable[[], float] = time.time) -> Overview:
    """Read the state of paper trading from its file. Raises `StoreUnavailable`."""
    now = wall()
    ages: Ages = {"detect": None, "trade": None}
    for run in SqliteRunRecords(database).latest(RUNS_LOOKED_AT):
        for name, seconds in (("detect", run.detect_seconds), ("trade", run.trade_seconds)):
            if ages[name] is None and seconds is not None:
                ages[name] = max(0.0, now - run.time / 1000)
        if None not in ages.values():
            break
    stores = SqliteHaltStore(database), SqliteJournal(database), SqliteLockStore(database)
    return _overview(STAGE, "paper", ages, now, stores, holder_of(database.path) or "")


def print_overview(seen: Overview, console: Console) -> None:
    """Write an overview in sentences, its positions as a table."""
    console.print(f"{_name(seen)}, {seen.orders_today} orders today (UTC)")
    for name, age in seen.ages.items():
        text = "never succeeded" if age is None else f"succeeded {age:.0f} s ago"
        console.print(f"{name}: {text}{'  <- late' if name in seen.late else ''}")
    if seen.halt is not None:
        closes = ", positions are closed" if seen.halt.close_positions else ""
        since = moment(seen.halt.since)
        console.print(f"halted since {since} by {seen.halt.by}{closes}: {seen.halt.reason}")
    for line in describe(seen.halting):
        console.print(f"halted by a trade until a person resumes: {line}")
    for line in seen.unreadable:
        console.print(f"not cared for, and nothing is opened: {line}")
    for lock in seen.locks:
        until = moment(lock.until) if lock.until else "a person resumes"
        console.print(f"paused until {until}: {lock.protection} {lock.symbol}: {lock.reason}")
    if not seen.trades:
        console.print("no open positions")
        return
    table = Table("symbol", "side", "quantity", "entry", "stop", "state", "since")
    for trade in seen.trades:
        cells = (trade.symbol, trade.side.value, trade.quantity, trade.entry_price, trade.stop_loss)
        other = trade.mode not in ("", seen.mode)
        state = trade.state.value + f", {trade.mode}" * other, moment(trade.created)
        table.add_row(*(str(cell or "") for cell in cells), *state)
    console.print(table)
    for name in sorted({trade.strategy for trade in seen.trades} & EVIDENCE.keys()):
        console.print(with_evidence(name))


def _name(seen: Overview) -> str:
    if seen.process is None:
        return f"{seen.stage}, {seen.mode} mode"
    here = f"runs as process {seen.process}" if seen.process else "does not run"
    return f"{seen.stage} on this machine {here}"


def _overview(
    stage: str, mode: str, ages: Ages, now: float, stores: Stores, process: str | None = None
) -> Overview:
    halts, journal, locks = stores
    live = journal.live_trades()
    return Overview(
        stage=stage,
        mode=mode,
        halt=halts.current(),
        ages=ages,
        trades=[trade for trade in live if trade.state.live],
        unreadable=[row.reason for row in live.unreadable],
        halting=halting_trades(journal, halts),
        locks=list(locks.current(int(now * 1000))),
        orders_today=journal.orders_on(datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")),
        process=process,
    )


def _trade(trade: Trade) -> dict[str, object]:
    return {
        "signal_id": trade.signal_id,
        "symbol": trade.symbol,
        "strategy": trade.strategy,
        "state": trade.state.value,
        "mode": trade.mode,
        "side": trade.side.value,
        "quantity": str(trade.quantity),
        "entry_price": None if trade.entry_price is None else str(trade.entry_price),
        "stop_loss": None if trade.stop_loss is None else str(trade.stop_loss),
        "created": trade.created,
    }
