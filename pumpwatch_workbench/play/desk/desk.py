"""A deployed stack's two functions, composed on one file and public market data."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.bootstrap.connection import connect_to_bybit
from pumpwatch.bootstrap.detect import DetectStores, detect_function, detect_pumps
from pumpwatch.bootstrap.trade import LONGEST_RUN, TradeStores, trade_function
from pumpwatch.invocation import Tick
from pumpwatch.ports import MetricsSink
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.store import (
    Database,
    SqliteEventStore,
    SqliteHaltStore,
    SqliteHistoryStore,
    SqliteJournal,
    SqliteLeaseStore,
    SqliteLockStore,
    SqlitePaperStore,
    SqliteRunRecords,
    SqliteSignalStore,
    SqliteTotalsStore,
)
from pumpwatch_workbench.play.desk.market import WatchedMarket
from pumpwatch_workbench.play.desk.options import PaperOptions
from pumpwatch_workbench.simulator.market_time import exchange_time_for

DETECT_SECONDS, TRADE_SECONDS = 8.0, LONGEST_RUN
"""Longest runs, as in a deployed stack."""
CHOSEN = "symbols"
"""Note of the symbols that the saved detection state is about."""


class PaperDesk:
    """The stores, the exchange and the two functions, without schedule or terminal.

    `wait` pauses for seconds: rate limits and settling orders need it.
    """

    def __init__(
        self,
        options: PaperOptions,
        database: Database,
        sink: MetricsSink | None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.signals = SqliteSignalStore(database)
        self.journal = SqliteJournal(database)
        self.halts = SqliteHaltStore(database)
        self.records = SqliteRunRecords(database)
        history, totals = SqliteHistoryStore(database), SqliteTotalsStore(database)
        leases = SqliteLeaseStore(database)
        leases.release_all()  # Their owners are dead: the file is ours alone.
        _forget_other_symbols(database, options.symbols)
        exchange = connect_to_bybit(
            options.detect,
            requests_per_second=options.detect.requests_per_second,
            exchange_time=exchange_time_for(options.detect.bybit_base_url),
            wait=wait,
        )
        self.session = exchange.session
        self.market = WatchedMarket(exchange.market, options.symbols)
        detect_stores = DetectStores(
            history, self.signals, SqliteEventStore(database), leases, totals
        )
        trade_stores = TradeStores(
            journal=self.journal,
            signals=self.signals,
            halts=self.halts,
            locks=SqliteLockStore(database),
            leases=leases,
            totals=totals,
            paper=SqlitePaperStore(database),
        )
        detect_on = (options.detect, detect_stores, replace(exchange, market=self.market))
        self._backfill = detect_pumps(*detect_on).backfill
        self._detect = detect_function(*detect_on, sink=sink)
        self._trade = trade_function(
            options.trade, trade_stores, lambda key: exchange, sink=sink, wait=wait
        )
        self._history = history

    def close(self) -> None:
        """Close the connections to the exchange."""
        self.session.close()

    def detect(self, tick: Tick) -> DetectReport | None:
        """Run the detect function. Raises what its use case raises."""
        return self._detect.run(tick, TimerDeadline(DETECT_SECONDS))

    def trade(self, tick: Tick) -> TradeReport | None:
        """Run the trade function. Raises what its use case raises."""
        return self._trade.run(tick, TimerDeadline(TRADE_SECONDS))

    def backfill(self, progress: Callable[[int, int], None]) -> None:
        """Fill the candle history; judging begins with the next candle."""
        self.session.start_run(TimerDeadline(float("inf")))
        self._backfill(progress)

    @property
    def has_history(self) -> bool:
        """Return whether a detection state was saved."""
        return self._history.load_state("detect") is not None


def _forget_other_symbols(database: Database, symbols: tuple[str, ...]) -> None:
    """Drop a detection state about other symbols: it would be believed over the choice."""
    chosen = ",".join(sorted(symbols))
    known = database.row("SELECT value FROM notes WHERE key = ?", (CHOSEN,))
    if known is not None and known[0] == chosen:
        return
    with database.transaction():
        database.write("DELETE FROM archives")
        database.write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (CHOSEN, chosen))
