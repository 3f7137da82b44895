"""A deployed stack's two functions, composed on one file."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from functools import partial

from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.bootstrap.connection import BybitConnection, connect_to_bybit
from pumpwatch.bootstrap.detect import DetectStores, detect_function, detect_pumps
from pumpwatch.bootstrap.key_check import check_key
from pumpwatch.bootstrap.probe import CheckFailed
from pumpwatch.bootstrap.trade import LONGEST_RUN, trade_function
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import (
    BadCredentials,
    BadInput,
    InvariantBroken,
    KeyRefused,
    StoreUnavailable,
)
from pumpwatch.invocation import Tick
from pumpwatch.ports import MetricsSink, Secrets
from pumpwatch.usecases.detect.market_watch import chosen_by
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.budget import SharedBudget
from pumpwatch_workbench.local.store import (
    Database,
    SqliteEventStore,
    SqliteHistoryStore,
    SqliteRunRecords,
)
from pumpwatch_workbench.operations.installation import stores_of
from pumpwatch_workbench.play.desk.market import WatchedMarket
from pumpwatch_workbench.play.desk.options import DeskOptions
from pumpwatch_workbench.simulator.market_time import exchange_time_for

DETECT_SECONDS, TRADE_SECONDS = 8.0, LONGEST_RUN
"""Longest runs, as in a deployed stack."""
CHECK_SECONDS = 15.0
"""Longest check of the key."""
BANNED = 10 * MINUTE
"""Time without requests after HTTP 403, as Bybit asks."""
CHOSEN, MODE, STAGE, BASE_URL = "symbols", "mode", "stage", "base_url"
"""Notes: the symbols, of a store that was made before there were modes, and whose the file is."""


class Desk:
    """The stores, the exchange and the two functions, without schedule or terminal.

    `secrets` give the key of demo and live mode. `wait` pauses for seconds: rate limits and
    settling orders need it. With an executor the reads of a round go out side by side.
    """

    def __init__(
        self,
        options: DeskOptions,
        database: Database,
        sink: MetricsSink | None,
        secrets: Secrets | None = None,
        executor: Executor | None = None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.database = database
        stores = stores_of(database)
        self.signals, self.journal, self.halts = stores.signals, stores.journal, stores.halts
        self.records = SqliteRunRecords(database)
        self.time = exchange_time_for(options.detect.bybit_base_url)
        self._settings, self._secrets = options.trade, secrets
        self._history = SqliteHistoryStore(database)
        self._budget = SharedBudget(options.trade.bybit_base_url, wait=wait)
        exchange = connect_to_bybit(
            options.detect,
            requests_per_second=options.detect.requests_per_second,
            exchange_time=self.time,
            budget=self._budget,
            wait=wait,
        )
        self._sessions = {"detect": exchange.session}
        self._requests_before = 0
        self._asked: set[str] = set()
        self._chosen = chosen_by(options.detect)
        self.market = WatchedMarket(exchange.session, options.detect)
        detect_stores = DetectStores(
            self._history,
            self.signals,
            SqliteEventStore(database),
            stores.leases,
            stores.totals,
        )
        detect_on = (options.detect, detect_stores, replace(exchange, market=self.market))
        self._backfill = detect_pumps(*detect_on).backfill
        self._detect = detect_function(*detect_on, sink=sink)
        self._connect = partial(
            connect_to_bybit,
            options.trade,
            timeout_seconds=options.trade.care_timeout_seconds,
            traffic=Traffic(),
            exchange_time=self.time,
            budget=self._budget,
            wait=wait,
        )
        self._trade = trade_function(
            options.trade,
            stores,
            self._connect_with,
            secrets=secrets,
            sink=sink,
            executor=executor,
            wait=wait,
        )

    def close(self) -> None:
        """Close the connections to the exchange."""
        for session in self._sessions.values():
            session.close()

    @property
    def request_count(self) -> int:
        """Return the requests so far."""
        return self._requests_before + sum(
            session.request_count for session in self._sessions.values()
        )

    def detect(self, tick: Tick) -> DetectReport | None:
        """Run the detect function. Raises what its use case raises."""
        return self._detect.run(tick, TimerDeadline(DETECT_SECONDS))

    def trade(self, tick: Tick) -> TradeReport | None:
        """Run the trade function. Raises what its use case raises."""
        return self._trade.run(tick, TimerDeadline(TRADE_SECONDS))

    def backfill(self, progress: Callable[[int, int], None]) -> None:
        """Fill the candle history; judging begins with the next candle."""
        self._sessions["detect"].start_run(TimerDeadline(float("inf")))
        self._backfill(progress)

    @property
    def has_history(self) -> bool:
        """Return whether a detection state of the chosen symbols was saved."""
        saved = self._history.load_state("detect")
        return saved is not None and str(saved.get("chosen")) == self._chosen

    def holds_trades(self) -> bool:
        """Return whether a trade needs care, as far as the journal can be read."""
        try:
            live = self.journal.live_trades()
        except StoreUnavailable:
            return True
        return bool(live or live.unreadable)

    def check_key(self) -> None:
        """Ask the exchange what the key may do. Raises `BadInput`, `RetryLater`, a ban."""
        if self._secrets is None:
            return
        try:
            deadline = TimerDeadline(CHECK_SECONDS)
            check_key(self._settings, self._secrets, deadline, self.time)
        except KeyRefused as error:
            raise BadInput(f"the exchange refused the key ({error}): give a valid one") from None
        except (BadCredentials, CheckFailed) as error:
            raise BadInput(str(error)) from None

    def check_symbols(self) -> None:
        """Raise `BadInput` when the exchange does not list a chosen symbol, `RetryLater`, a ban."""
        self._sessions["detect"].start_run(TimerDeadline(CHECK_SECONDS))
        self.market.check()

    def is_asked_to_close(self) -> bool:
        """Return whether a person asked to close something since this was looked at last."""
        try:
            instructions = self.halts.instructions()
        except (StoreUnavailable, InvariantBroken):
            return False  # trade's next run says so
        asked = {*instructions.to_close}
        if instructions.halt is not None and instructions.halt.close_positions:
            asked.add("")
        new, self._asked = asked - self._asked, asked
        return bool(new)

    def ban(self) -> int:
        """Return the milliseconds that a ban of this address may go on."""
        return round(self._budget.seconds_banned() * 1000) or BANNED

    def _connect_with(self, key: ExchangeKey | None) -> BybitConnection:
        """Return a connection for the key; that of the key before it is closed."""
        exchange, former = self._connect(key=key), self._sessions.pop("trade", None)
        if former is not None:
            self._requests_before += former.request_count
            former.close()
        self._sessions["trade"] = exchange.session
        return exchange


def claim(database: Database, *, mode: str, stage: str, base_url: str) -> None:
    """Record the store's mode, stage and exchange. Raises `BadInput` if it is of another mode."""
    known = database.note(MODE)
    if known is None and database.note(CHOSEN) is not None:
        known = "paper"  # made before there were other modes
    if known not in (None, mode):
        raise BadInput(
            f"{database.path} is a store of {known} mode: start with --mode {known}, or name"
            " another file with --store"
        )
    for key, value in ((MODE, mode), (STAGE, stage), (BASE_URL, base_url)):
        if database.note(key) != value:
            with suppress(StoreUnavailable):  # a full disk: it is noted by a later start
                database.write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))
