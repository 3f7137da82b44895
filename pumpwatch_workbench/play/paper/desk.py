"""Both functions of a deployed stack, put together on one file and public market data."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession, ExchangeClock
from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.adapters.paper.broker import PaperBroker
from pumpwatch.bootstrap import detect as detect_parts
from pumpwatch.bootstrap.function import Function, HeldLease
from pumpwatch.bootstrap.numbers import describe as describe_trading
from pumpwatch.bootstrap.traffic import describe_traffic
from pumpwatch.errors import LeaseHeld
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.ports import Deadline, LeaseStore, MetricsSink
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch.usecases.trade.trade_signals import TradeSignals
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
from pumpwatch_workbench.play.paper.market import WatchedMarket
from pumpwatch_workbench.play.paper.options import PaperOptions
from pumpwatch_workbench.simulator.market_time import exchange_time_for

DETECT_SECONDS, TRADE_SECONDS = 50.0, 25.0
"""Longest runs, as in a deployed stack."""
CHOSEN = "symbols"
"""Note of the symbols that the saved detection state is about."""


@dataclass(frozen=True, slots=True)
class _Context:
    """What a function asks of its invocation: how much of it is left."""

    deadline: Deadline

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return int(self.deadline.seconds_left() * 1000)


class PaperDesk:
    """The stores, the exchange and the two functions; nothing here knows of time or terminal.

    `wait` pauses for seconds: rate limits and settling orders need it.
    """

    def __init__(
        self,
        options: PaperOptions,
        database: Database,
        sink: MetricsSink | None,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._options = options
        self._database = database
        self.signals = SqliteSignalStore(database)
        self.journal = SqliteJournal(database)
        self.halts = SqliteHaltStore(database)
        self.records = SqliteRunRecords(database)
        self._history = SqliteHistoryStore(database)
        leases = SqliteLeaseStore(database)
        leases.release_all()  # whoever held one is dead: the file is ours alone
        detect, self._traffic = options.detect, Traffic()
        self.session = BybitSession(
            detect.bybit_base_url,
            timeout_seconds=detect.request_timeout_seconds,
            requests_per_second=detect.requests_per_second,
            threads=detect.parallel_requests,
            wait=wait,
            traffic=self._traffic,
            exchange_time=exchange_time_for(detect.bybit_base_url),
        )
        self._whole = BybitMarketData(self.session, parallel_requests=detect.parallel_requests)
        self.market = WatchedMarket(self._whole, options.symbols)
        self._forget_other_symbols()
        self._detect_pumps = DetectPumps(
            self.market,
            self._history,
            self.signals,
            SqliteEventStore(database),
            # Each tick scans once; scans within the minute are ticks of their own here.
            detect.model_copy(update={"scan_interval_seconds": 60}),
        )
        totals = SqliteTotalsStore(database)
        self._detect = self._detect_function(leases, MetricsReporter(DETECT, totals, sink))
        self._trade = self._trade_function(leases, MetricsReporter(TRADE, totals, sink), wait)

    def close(self) -> None:
        """Close the connections to the exchange."""
        self.session.close()

    def detect(self, tick: Tick) -> DetectReport | None:
        """Run the detect function. Raises what its use case raises."""
        return self._detect.run(tick, _Context(TimerDeadline(DETECT_SECONDS)))

    def trade(self, tick: Tick) -> TradeReport | None:
        """Run the trade function. Raises what its use case raises."""
        return self._trade.run(tick, _Context(TimerDeadline(TRADE_SECONDS)))

    def backfill(self, progress: Callable[[int, int], None]) -> None:
        """Fill the candle history; judging begins with the next candle."""
        self.session.start_run(TimerDeadline(float("inf")))
        self._detect_pumps.backfill(progress)

    @property
    def has_history(self) -> bool:
        """Return whether a detection state was saved."""
        return self._history.load_state("detect") is not None

    def _forget_other_symbols(self) -> None:
        """Drop a detection state about other symbols: it would be believed over the choice."""
        chosen = ",".join(sorted(self._options.symbols))
        found = self._database.row("SELECT value FROM notes WHERE key = ?", (CHOSEN,))
        if found is not None and found[0] == chosen:
            return
        with self._database.transaction():
            self._database.write("DELETE FROM archives")
            self._database.write("INSERT OR REPLACE INTO notes VALUES (?, ?)", (CHOSEN, chosen))

    def _detect_function(
        self, leases: LeaseStore, reporter: MetricsReporter
    ) -> Function[DetectReport]:
        lease = HeldLease(leases)

        def work(tick: Tick, deadline: Deadline) -> DetectReport | None:
            with suppress(LeaseHeld):
                held = lease.acquire(
                    detect_parts.LEASE_NAME,
                    owner=tick.execution_id,
                    seconds=deadline.seconds_left() + detect_parts.LEASE_RESERVE,
                )
                lease.release(held)
                self.session.start_run(deadline)
                return self._detect_pumps.run(tick, deadline)
            return None

        def describe(report: DetectReport, numbers: RunNumbers) -> None:
            detect_parts.describe(report, numbers)
            numbers.set("clock_skew_seconds", self.session.clock_skew_seconds)

        return Function(
            DETECT,
            reporter=reporter,
            lease=lease,
            work=work,
            describe=describe,
            describe_always=self._describe_traffic,
        )

    def _trade_function(
        self, leases: LeaseStore, reporter: MetricsReporter, wait: Callable[[float], None]
    ) -> Function[TradeReport]:
        lease = HeldLease(leases)
        use_case = self._trade_signals(lease, wait)

        def work(tick: Tick, deadline: Deadline) -> TradeReport | None:
            self.session.start_run(deadline)
            report = use_case.run(tick, deadline)
            return None if report.busy else report

        def describe(report: TradeReport, numbers: RunNumbers) -> None:
            describe_trading(report, numbers, mode="paper")
            numbers.set("clock_skew_seconds", self.session.clock_skew_seconds)

        return Function(
            TRADE,
            reporter=reporter,
            lease=lease,
            work=work,
            describe=describe,
            describe_always=self._describe_traffic,
        )

    def _describe_traffic(self, numbers: RunNumbers) -> None:
        """Count the requests since the last run, of whichever function."""
        describe_traffic(self._traffic.take(), numbers)

    def _trade_signals(self, lease: HeldLease, wait: Callable[[float], None]) -> TradeSignals:
        settings, clock = self._options.trade, ExchangeClock(self.session)
        broker = PaperBroker(
            self._whole,
            SqlitePaperStore(self._database),
            clock,
            equity=settings.paper_equity_usdt,
            taker_fee=settings.taker_fee,
            slippage=settings.paper_slippage,
        )
        return TradeSignals(
            broker=broker,
            market=self._whole,
            journal=self.journal,
            signals=self.signals,
            leases=lease,
            halts=self.halts,
            locks=SqliteLockStore(self._database),
            health=self.session.health,
            clock=clock,
            settings=settings,
            wait=wait,
        )
