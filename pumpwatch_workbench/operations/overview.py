"""`pumpwatch status`: what a deployed stack, or paper trading here, is doing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.protections import Lock
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
from pumpwatch_workbench.play.paper.options import STAGE

from .halting import halting_trades
from .stack import DeployedStack

Ages = dict[str, float | None]
Stores = tuple[HaltStore, Journal, LockStore]
LATEST_SUCCESS_SECONDS = 180
RUNS_LOOKED_AT = 2_000
"""Of the newest runs of paper trading: more than a day of them."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What is going on. Ages in seconds, None where a function never succeeded."""

    stage: str
    mode: str
    halt: Halt | None
    ages: Ages
    trades: list[Trade] = field(default_factory=list)
    """Those that are open, or may be."""
    halting: list[Trade] = field(default_factory=list)
    """Trades that halt entries until a person resumes by their names."""
    locks: list[Lock] = field(default_factory=list)
    orders_today: int = 0
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
            "trades": [_trade(one) for one in self.trades],
            "halting": [_trade(one) | {"reason": one.halts} for one in self.halting],
            "locks": [
                {"protection": one.protection, "symbol": one.symbol, "until": one.until}
                for one in self.locks
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


def _overview(
    stage: str, mode: str, ages: Ages, now: float, stores: Stores, process: str | None = None
) -> Overview:
    halts, journal, locks = stores
    return Overview(
        stage=stage,
        mode=mode,
        halt=halts.current(),
        ages=ages,
        trades=[one for one in journal.live_trades() if one.state.live],
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
        "side": trade.side.value,
        "quantity": str(trade.quantity),
        "entry_price": None if trade.entry_price is None else str(trade.entry_price),
        "stop_loss": None if trade.stop_loss is None else str(trade.stop_loss),
        "created": trade.created,
    }
