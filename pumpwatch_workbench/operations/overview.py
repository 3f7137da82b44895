"""`pumpwatch status`: what a deployed stack, or a store on this machine, is doing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.paper import DynamoPaperStore
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.paper.account import PaperStore
from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import DAY
from pumpwatch.domain.trading.halt import CloseRequest, Halt
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.errors import PumpwatchError
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch.ports import HaltStore, Journal, LockStore, SignalStore
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteJournal,
    SqliteLockStore,
    SqlitePaperStore,
    SqliteRunRecords,
    SqliteSignalStore,
    holder_of,
)
from pumpwatch_workbench.simulator.market_time import exchange_time_for

from .halting import halting_trades
from .installation import mode_of, name_of_stack, name_of_store, note_of
from .stack import DeployedStack

Ages = dict[str, float | None]
Prices = Mapping[str, Decimal]
LATEST_SUCCESS_SECONDS = 180
PRICE_SECONDS = 3.0
"""Time for the exchange to say prices."""
RUNS_LOOKED_AT = 2_000
"""Newest runs of a desk that are read: more than a day of them."""


@dataclass(frozen=True, slots=True)
class _Stores:
    halts: HaltStore
    journal: Journal
    locks: LockStore
    signals: SignalStore
    paper: PaperStore


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
    """The desk's process; empty when it does not run, None for a deployed stack."""
    name: str = ""
    equity: Decimal | None = None
    """USDT; None where nothing here keeps it."""
    profit: Decimal = Decimal(0)
    """Of the closed trades of this mode, USDT after costs."""
    profit_today: Decimal = Decimal(0)
    prices: Prices = field(default_factory=dict)
    """By symbol, of what is open and as far as they are known."""
    to_close: Mapping[str, CloseRequest] = field(default_factory=dict)
    last_signal: Signal | None = None
    """Of the last 24 hours."""
    now: int = 0

    @property
    def late(self) -> list[str]:
        """Return the functions without a recent success."""
        return [
            name for name, age in self.ages.items() if age is None or age > LATEST_SUCCESS_SECONDS
        ]

    @property
    def abandoned(self) -> bool:
        """Return whether something is open and nothing runs that cares for it."""
        stopped = self.process == "" or (self.process is None and "trade" in self.late)
        return stopped and bool(self.trades or self.unreadable)

    def open_result(self, trade: Trade) -> Decimal | None:
        """Return what the trade would win at the present price before costs, USDT."""
        if trade.symbol not in self.prices or trade.entry_price is None:
            return None
        rise = (self.prices[trade.symbol] - trade.entry_price) * trade.quantity
        return rise if trade.side is Side.BUY else -rise

    @property
    def unrealised(self) -> Decimal | None:
        """Return the open result of all trades; None where a price is not known."""
        results = [self.open_result(trade) for trade in self.trades]
        known = [result for result in results if result is not None]
        return sum(known, Decimal(0)) if len(known) == len(results) else None

    def to_json(self) -> dict[str, object]:
        """Return it as plain JSON."""
        halt, signal = self.halt, self.last_signal
        return {
            "stage": self.stage,
            "mode": self.mode,
            "name": self.name,
            "halt": halt and asdict(halt),
            "seconds_since_success": self.ages,
            "late": self.late,
            "orders_today": self.orders_today,
            "process": self.process,
            "nothing_cares": self.abandoned,
            "equity_usdt": _text(self.equity),
            "profit_usdt": _text(self.profit),
            "profit_today_usdt": _text(self.profit_today),
            "open_result_usdt": _text(self.unrealised),
            "last_signal": signal
            and {"symbol": signal.symbol, "phase": signal.phase.value, "time": signal.time},
            "trades": [self._trade(trade) for trade in self.trades],
            "halting": [self._trade(trade) | {"reason": trade.halts} for trade in self.halting],
            "unreadable": self.unreadable,
            "locks": [
                {"protection": lock.protection, "symbol": lock.symbol, "until": lock.until}
                for lock in self.locks
            ],
        }

    def _trade(self, trade: Trade) -> dict[str, object]:
        return {
            "signal_id": trade.signal_id,
            "symbol": trade.symbol,
            "strategy": trade.strategy,
            "state": trade.state.value,
            "mode": trade.mode,
            "side": trade.side.value,
            "quantity": str(trade.quantity),
            "entry_price": _text(trade.entry_price),
            "stop_loss": _text(trade.stop_loss),
            "take_profit": _text(trade.take_profit),
            "price": _text(self.prices.get(trade.symbol)),
            "open_result_usdt": _text(self.open_result(trade)),
            "asked_to_close": trade.signal_id in self.to_close,
            "created": trade.created,
        }


def overview(stack: DeployedStack, wall: Callable[[], float] = time.time) -> Overview:
    """Read the stack's state. Raises `StoreUnavailable`."""
    table, now = stack.table(), wall()
    totals = DynamoTotalsStore(table)
    ages: Ages = {}
    for name, job in (("detect", DETECT), ("trade", TRADE)):
        last = totals.last_runs(job).succeeded
        ages[name] = None if last is None else now - last
    stores = _Stores(
        DynamoHaltStore(table),
        DynamoJournal(table),
        DynamoLockStore(table),
        DynamoSignalStore(table),
        DynamoPaperStore(table),
    )
    return _overview(
        stack.stage,
        stack.output("TradingMode"),
        ages,
        now,
        stores,
        name=name_of_stack(stack),
        address=stack.outputs.get("BybitBaseUrl", ""),
        paper_equity=Decimal(stack.parameters.get("PaperEquityUsdt") or 0),
    )


def overview_of_store(database: Database, wall: Callable[[], float] = time.time) -> Overview:
    """Read the state of a desk from its store. Raises `StoreUnavailable`."""
    now, mode = wall(), mode_of(database)
    ages: Ages = {"detect": None, "trade": None}
    equity = None
    for run in SqliteRunRecords(database).latest(RUNS_LOOKED_AT):
        equity = run.equity if equity is None else equity
        for name, seconds in (("detect", run.detect_seconds), ("trade", run.trade_seconds)):
            if ages[name] is None and seconds is not None:
                ages[name] = max(0.0, now - run.time / 1000)
        if None not in (*ages.values(), equity):
            break
    stores = _Stores(
        SqliteHaltStore(database),
        SqliteJournal(database),
        SqliteLockStore(database),
        SqliteSignalStore(database),
        SqlitePaperStore(database),
    )
    return _overview(
        note_of(database, "stage", mode),
        mode,
        ages,
        now,
        stores,
        name=name_of_store(database.path, mode),
        address=note_of(database, "base_url"),
        equity=equity,
        process=holder_of(database.path) or "",
    )


def _overview(
    stage: str,
    mode: str,
    ages: Ages,
    now: float,
    stores: _Stores,
    *,
    name: str,
    address: str,
    equity: Decimal | None = None,
    paper_equity: Decimal = Decimal(0),
    process: str | None = None,
) -> Overview:
    halts, journal, time = stores.halts, stores.journal, int(now * 1000)
    live, asked = journal.live_trades(), halts.instructions()
    trades = [trade for trade in live if trade.state.live]
    closed = [
        trade
        for trade in journal.trades_since(0)
        if trade.state is TradeState.CLOSED and trade.is_of_mode(mode)
    ]
    today = [trade for trade in closed if (trade.exit_time or 0) // DAY == time // DAY]
    prices = _prices(trades, address, stores.paper if mode == "paper" else None)
    seen = Overview(
        stage=stage,
        mode=mode,
        halt=asked.halt,
        ages=ages,
        trades=trades,
        unreadable=[row.reason for row in live.unreadable],
        halting=halting_trades(journal, halts),
        locks=list(stores.locks.current(time)),
        orders_today=journal.orders_on(datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")),
        process=process,
        name=name,
        equity=equity,
        profit=sum((trade.realised_pnl for trade in closed), Decimal(0)),
        profit_today=sum((trade.realised_pnl for trade in today), Decimal(0)),
        prices=prices,
        to_close=asked.to_close,
        last_signal=max(stores.signals.since(time - DAY), key=lambda s: s.time, default=None),
        now=time,
    )
    if mode == "paper" and paper_equity and seen.unrealised is not None:
        realised = stores.paper.load().realised
        seen = replace(seen, equity=paper_equity + realised + seen.unrealised)
    return seen


def _prices(trades: list[Trade], address: str, paper: PaperStore | None) -> Prices:
    """Return what the last run saw on paper, else what the exchange says now."""
    if not trades:
        return {}
    if paper is not None:
        held = paper.load().positions
        return {symbol: position.last_price for symbol, position in held.items()}
    if not address:
        return {}
    session = BybitSession(
        address,
        threads=1,
        timeout_seconds=PRICE_SECONDS,
        exchange_time=exchange_time_for(address),
    )
    try:
        session.start_run(TimerDeadline(PRICE_SECONDS))
        market = BybitMarketData(session).snapshot()
    except PumpwatchError:
        return {}  # Shown as a price that is not known.
    finally:
        session.close()
    prices = zip(market.symbols, market.last_price.tolist(), strict=True)
    return {symbol: Decimal(str(last)) for symbol, last in prices}


def _text(value: Decimal | None) -> str | None:
    return None if value is None else str(value)
