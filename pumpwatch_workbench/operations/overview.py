"""`pumpwatch status`: what a deployed stack, or a store on this machine, is doing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast
from urllib.parse import urlsplit

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.paper.account import PaperStore
from pumpwatch.bootstrap.trade import TradeStores
from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import DAY
from pumpwatch.domain.trading.halt import CloseRequest, Halt
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import PumpwatchError
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch.ports import Journal
from pumpwatch.settings.shared import LOOPBACK
from pumpwatch_workbench.local.store import Database, SqliteRunRecords, holder_of
from pumpwatch_workbench.pages.words import plain
from pumpwatch_workbench.simulator.market_time import exchange_time_for

from .halting import halting_trades
from .installation import mode_of, name_of_stack, name_of_store, stage_of, stores_of
from .stack import DeployedStack

Ages = dict[str, float | None]
Prices = Mapping[str, Decimal]
JOBS = {"detect": DETECT, "trade": TRADE}
LATEST_SUCCESS_SECONDS = 180
PRICE_SECONDS = 3.0
"""Time for the exchange to say prices."""
RUNS_LOOKED_AT = 2_000
"""Newest runs of a desk that are read: more than a day of them."""


class TradeBook:
    """A journal's trades by id. Those that ended are not read a second time."""

    def __init__(self) -> None:
        self.trades: dict[str, Trade] = {}
        self._since = 0

    def read(self, journal: Journal) -> Iterable[Trade]:
        """Return all trades. Raises `StoreUnavailable`."""
        self.trades |= {each.signal_id: each for each in journal.trades_since(self._since)}
        unfinished = (each.created for each in self.trades.values() if each.unfinished)
        newest = max((each.created for each in self.trades.values()), default=0)
        self._since = min(unfinished, default=newest)
        return self.trades.values()


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
    equity_usdt: Decimal | None = None
    """None where nothing here keeps it."""
    profit_usdt: Decimal = Decimal(0)
    """Sum over the closed trades of this mode, after costs."""
    profit_today_usdt: Decimal = Decimal(0)
    prices: Prices = field(default_factory=dict)
    """Last prices of the open symbols; those that are not known are missing."""
    to_close: Mapping[str, CloseRequest] = field(default_factory=dict)
    last_signal: Signal | None = None
    """The latest of the last 24 hours."""
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
        if trade.entry_price is None:
            return Decimal(0)  # nothing is known to be filled
        if trade.symbol not in self.prices:
            return None
        rise = (self.prices[trade.symbol] - trade.entry_price) * trade.quantity
        return rise if trade.side is Side.BUY else -rise

    @property
    def unrealised(self) -> Decimal | None:
        """Return the open result of all trades; None where a price is not known."""
        results = [self.open_result(trade) for trade in self.trades]
        known = [result for result in results if result is not None]
        return sum(known, Decimal(0)) if len(known) == len(results) else None

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON."""
        told = cast(dict[str, Any], plain(self))
        for trade, shown in zip(self.trades, told["trades"], strict=True):
            shown["price"] = plain(self.prices.get(trade.symbol))
            shown["open_result_usdt"] = plain(self.open_result(trade))
        for shown in told["halting"]:
            shown["reason"] = shown["halts"]
        told["seconds_since_success"] = told.pop("ages")
        told["open_result_usdt"] = plain(self.unrealised)
        return told | {"late": self.late, "nothing_cares": self.abandoned}


def overview(stack: DeployedStack, book: TradeBook | None = None, market: int = 0) -> Overview:
    """Read the stack's state at a time of its market; 0: at this machine's.

    Raises `StoreUnavailable`.
    """
    table, address, now = stack.table(), stack.outputs.get("BybitBaseUrl", ""), time.time()
    totals = DynamoTotalsStore(table)
    last = {name: totals.last_runs(job) for name, job in JOBS.items()}
    ages = {
        name: None if run.succeeded is None else now - run.succeeded for name, run in last.items()
    }
    mode, name, equity = stack.output("TradingMode"), name_of_stack(stack), last["trade"].equity
    stores = TradeStores.in_aws(table, paper=mode == "paper")
    seen = Overview(stack.stage, mode, None, ages, name=name, equity_usdt=equity)
    return _filled(seen, market / 1000 or now, stores, address, book)


def overview_of_store(database: Database, book: TradeBook | None = None) -> Overview:
    """Read the state of a desk from its store. Raises `StoreUnavailable`."""
    now, mode = time_of_store(database) / 1000, mode_of(database)
    ages: Ages = {"detect": None, "trade": None}
    equity = None
    for run in SqliteRunRecords(database).latest(RUNS_LOOKED_AT):
        equity = run.equity if equity is None else equity
        for name, seconds in (("detect", run.detect_seconds), ("trade", run.trade_seconds)):
            if ages[name] is None and seconds is not None:
                ages[name] = max(0.0, now - run.time / 1000)
        if None not in (*ages.values(), equity):
            break
    seen = Overview(
        stage_of(database),
        mode,
        None,
        ages,
        process=holder_of(database.path) or "",
        name=name_of_store(database.path, mode),
        equity_usdt=equity,
    )
    return _filled(seen, now, stores_of(database), database.note("base_url") or "", book)


def time_of_store(database: Database) -> int:
    """Return the time of the market that a store is about, milliseconds UTC.

    That is this machine's; beside a simulated exchange its own, or that of the last run.
    """
    address = database.note("base_url") or ""
    if urlsplit(address).hostname in LOOPBACK:
        with closing(_session(address)) as session, suppress(PumpwatchError):
            session.start_run(TimerDeadline(PRICE_SECONDS))
            return BybitMarketData(session).time()
        for newest in SqliteRunRecords(database).latest(1):
            return newest.time
    return int(time.time() * 1000)


def _filled(
    seen: Overview, now: float, stores: TradeStores, address: str, book: TradeBook | None
) -> Overview:
    """Return the overview with what the stores say."""
    journal, halts, time = stores.journal, stores.halts, int(now * 1000)
    live, asked = journal.live_trades(), halts.instructions()
    latest = stores.signals.since(time - DAY)
    paper = stores.paper if seen.mode == "paper" else None
    trades = [trade for trade in live if trade.state.live]
    known = (book or TradeBook()).read(journal)
    every = [trade for trade in known if trade.is_of_mode(seen.mode)]
    profits = [(trade.exit_time or 0, trade.realised_pnl) for trade in every]
    today = [profit for time_of_exit, profit in profits if time_of_exit // DAY == time // DAY]
    return replace(
        seen,
        halt=asked.halt,
        trades=trades,
        unreadable=[row.reason for row in live.unreadable],
        halting=halting_trades(journal, halts),
        locks=list(stores.locks.current(time)),
        orders_today=journal.orders_on(datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d")),
        profit_usdt=sum((profit for _, profit in profits), Decimal(0)),
        profit_today_usdt=sum(today, Decimal(0)),
        # Who looks all the time does not ask the exchange each time.
        prices=_prices(trades, "" if book else address, paper),
        to_close=asked.to_close,
        last_signal=max(latest, key=lambda signal: signal.time, default=None),
        now=time,
    )


def _prices(trades: list[Trade], address: str, paper: PaperStore | None) -> Prices:
    """Return what the last run saw on paper, else what the exchange says now."""
    if not trades:
        return {}
    if paper is not None:
        positions = paper.load().positions
        return {symbol: position.last_price for symbol, position in positions.items()}
    if not address:
        return {}
    with closing(_session(address)) as session, suppress(PumpwatchError):
        session.start_run(TimerDeadline(PRICE_SECONDS))
        market = BybitMarketData(session).snapshot()
        last = zip(market.symbols, market.last_price.tolist(), strict=True)
        wanted = {trade.symbol for trade in trades}
        return {symbol: Decimal(str(price)) for symbol, price in last if symbol in wanted}
    return {}  # shown as a price that is not known


def _session(address: str) -> BybitSession:
    exchange_time = exchange_time_for(address)
    return BybitSession(address, timeout_seconds=PRICE_SECONDS, exchange_time=exchange_time)
