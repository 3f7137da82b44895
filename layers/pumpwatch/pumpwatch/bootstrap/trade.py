"""The trade function, put together. Paper mode never asks for the exchange's key."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.secrets_manager import SecretsManagerSecrets
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.lease import Lease
from pumpwatch.errors import (
    BadCredentials,
    InvariantBroken,
    KeyRefused,
    SettingsError,
    StoreUnavailable,
)
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import TRADE
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.ports import (
    Broker,
    Deadline,
    HaltStore,
    Journal,
    LeaseStore,
    LockStore,
    MetricsSink,
    Secrets,
    SignalStore,
    TotalsStore,
)
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.entries import strategy_from
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch.usecases.trade.run import Ports
from pumpwatch.usecases.trade.trade_signals import TradeSignals

from .connection import BybitConnection, connect_to_bybit, describe_traffic
from .function import Function, push_sink
from .key_check import check_key, check_time
from .lease import RunLease
from .numbers import describe
from .probe import Check, check_exchange, check_pushgateway, check_table
from .process import FunctionProcess
from .renewal import RenewedFunction

if TYPE_CHECKING:  # only paper mode loads the paper account
    from pumpwatch.adapters.paper.account import PaperStore

logger = logging.getLogger(__name__)

LEASE_NAME = "trade"
LEASE_RESERVE = 5.0
"""Seconds by which the lease outlives the run: a killed run is dead before its lease ends."""
LONGEST_RUN = 25.0
"""Seconds; the function's time-out is at most this."""
LEASE_PATIENCE = 3.0
"""Seconds that a run waits for a lease that another run has."""
MOST_READS = 12
"""Independent reads of one round: two pages each of positions and orders, account, ticker, book,
leverage, the key, and beside them the table's. With fewer threads a round costs two round trips."""
ENOUGH_SECONDS = 15.0
"""Time a second try needs, with a key that was read anew."""
CARE_ALONE = {"strategy": "alert"}
"""Settings that open nothing: limits that cannot be read may have been meant to be stricter."""


@dataclass(frozen=True, slots=True)
class TradeStores:
    """The stores of trade; `paper` keeps the account of paper mode."""

    journal: Journal
    signals: SignalStore
    halts: HaltStore
    locks: LockStore
    leases: LeaseStore
    totals: TotalsStore
    paper: PaperStore | None = None
    calls: Callable[[], int] | None = None
    """Returns the number of calls to the stores so far, where they are counted."""

    @classmethod
    def in_aws(cls, table: Table, *, paper: bool) -> TradeStores:
        """Return the stores of a deployed stack, all of them in one table."""
        return cls(
            journal=DynamoJournal(table),
            signals=DynamoSignalStore(table),
            halts=DynamoHaltStore(table),
            locks=DynamoLockStore(table),
            leases=DynamoLeaseStore(table),
            totals=DynamoTotalsStore(table),
            paper=_paper_store(table) if paper else None,
            calls=lambda: table.calls,
        )


def trade_from_environment(
    environment: Mapping[str, str], *, exchange_time: ExchangeTime | None = None
) -> RenewedFunction[TradeSettings, TradeReport]:
    """Return the deployed function for the settings in the environment. Raises `SettingsError`.

    The key is read in each run (from a cache of five minutes), not here: a missing one then fails
    runs that say so in the metrics.
    """
    compose = partial(_deployed, environment, exchange_time)
    return RenewedFunction(TradeSettings, environment, compose, without=CARE_ALONE)


def _deployed(
    environment: Mapping[str, str], exchange_time: ExchangeTime | None, settings: TradeSettings
) -> Function[TradeReport]:
    if settings.uses_account and not settings.bybit_secret_arn:
        raise SettingsError(
            f"BYBIT_SECRET_ARN must be set when TRADING_MODE={settings.trading_mode}"
        )
    table = Table(settings.table_name)
    secrets = SecretsManagerSecrets(settings.bybit_secret_arn, settings.pushgateway_secret_arn)
    session_with = partial(
        connect_to_bybit,
        settings,
        timeout_seconds=settings.care_timeout_seconds,
        exchange_time=exchange_time,
    )
    traffic = Traffic()
    threads = min(settings.parallel_requests * 3 // 2, MOST_READS)  # a third reads the table
    sink = push_sink(settings, secrets)
    checks: dict[str, Check] = {
        "exchange": partial(check_exchange, session_with().session),
        "table": partial(check_table, table),
        "time": partial(check_time, settings),
        "key": partial(check_key, settings, secrets, time=exchange_time),
        "pushgateway": partial(check_pushgateway, TRADE, sink),
    }
    function = trade_function(
        settings,
        TradeStores.in_aws(table, paper=not settings.uses_account),
        lambda key: session_with(key=key, traffic=traffic),
        secrets=secrets,
        sink=sink,
        checks=checks,
        executor=ThreadPoolExecutor(threads) if threads > 1 else None,
    )
    function.process = FunctionProcess(environment)
    return function


def trade_function(
    settings: TradeSettings,
    stores: TradeStores,
    connect_with: Callable[[ExchangeKey | None], BybitConnection],
    *,
    secrets: Secrets | None = None,
    sink: MetricsSink | None = None,
    checks: Mapping[str, Check] | None = None,
    executor: Executor | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Function[TradeReport]:
    """Return the function on any stores; `connect_with` gives the exchange to use with a key.

    Demo and live mode need `secrets`. Without a sink nothing is pushed, without an executor the
    reads of a round follow one another. Raises `SettingsError`.
    """
    strategy_from(settings)  # one that cannot be loaded stops the start, not each run
    broker_of = _broker_maker(settings, stores, executor)

    def use_case(exchange: BybitConnection) -> TradeSignals:
        ports = Ports(
            broker=broker_of(exchange),
            market=exchange.market,
            journal=stores.journal,
            signals=stores.signals,
            halts=stores.halts,
            locks=stores.locks,
            health=exchange.session.health,
            clock=exchange.session,
            wait=wait,
            executor=executor,
        )
        return TradeSignals(ports, settings)

    work = _Work(settings, stores.calls, connect_with, use_case, secrets)
    return Function(
        TRADE,
        lease=trade_lease(stores.leases, wait),
        reporter=MetricsReporter(TRADE, stores.totals, sink),
        work=work,
        describe=work.describe,
        describe_always=work.describe_always,
        begin=work.begin,
        checks=checks or {},
    )


def trade_lease(leases: LeaseStore, wait: Callable[[float], None]) -> RunLease:
    """Return the lease that a run of trade works under; a run waits a while for it."""
    return RunLease(
        leases,
        LEASE_NAME,
        reserve=LEASE_RESERVE,
        longest_run=LONGEST_RUN,
        patience=LEASE_PATIENCE,
        wait=wait,
    )


@dataclass(eq=False)
class _Work:
    """A tick's work with the key in force: one that was rotated is picked up without a redeploy."""

    settings: TradeSettings
    calls: Callable[[], int] | None
    connect_with: Callable[[ExchangeKey | None], BybitConnection]
    make_use_case: Callable[[BybitConnection], TradeSignals]
    secrets: Secrets | None
    key: ExchangeKey | None = None
    exchange: BybitConnection | None = None
    use_case: TradeSignals | None = None
    """None: the key must be read anew."""
    calls_before: int = 0
    requests_before: int = 0

    def begin(self, _: Tick) -> None:
        """Count this run's calls to the stores from here on, those for the lease among them."""
        self.calls_before = self.calls() if self.calls is not None else 0

    def __call__(self, tick: Tick, deadline: Deadline, lease: Lease) -> TradeReport:
        """Do the work under the lease. Raises what the use case raises.

        A key that the exchange does not know did nothing: it is read anew and the tick's work is
        done once more, if there is time.
        """
        try:
            return self._run(tick, deadline, lease)
        except KeyRefused:
            if deadline.seconds_left() < ENOUGH_SECONDS:
                raise
        return self._run(tick, deadline, lease)

    def describe(self, report: TradeReport, numbers: RunNumbers) -> None:
        """Fill in what the report and this run's calls say."""
        describe(report, numbers, mode=self.settings.trading_mode)
        if self.calls is not None:
            numbers.set("store_calls_last_run", self.calls() - self.calls_before)
        if self.exchange is not None:
            session = self.exchange.session
            numbers.set("requests_last_run", session.request_count - self.requests_before)
            numbers.set("clock_skew_seconds", session.clock_skew_seconds)

    def describe_always(self, numbers: RunNumbers) -> None:
        """Fill in the requests of all tries, those of a failed run too."""
        if self.exchange is not None:
            describe_traffic(self.exchange.session.traffic, numbers)

    def _run(self, tick: Tick, deadline: Deadline, lease: Lease) -> TradeReport:
        try:
            exchange, use_case = self._warm()
            self.requests_before = exchange.session.request_count
            exchange.session.start_run(deadline)
            return use_case.run(tick, deadline, lease)
        except BadCredentials:
            self.use_case = None
            if self.secrets is not None:
                self.secrets.forget()
            raise

    def _warm(self) -> tuple[BybitConnection, TradeSignals]:
        key = self._key_in_force()
        if self.exchange is None or self.use_case is None or key != self.key:
            self.key, self.exchange = key, self.connect_with(key)
            self.use_case = self.make_use_case(self.exchange)
        return self.exchange, self.use_case

    def _key_in_force(self) -> ExchangeKey | None:
        """Return the key; while the secret cannot be read the present one goes on: exits run."""
        if self.secrets is None or not self.settings.uses_account:
            return None
        try:
            return self.secrets.exchange_key()
        except StoreUnavailable:
            if self.use_case is None:
                raise
            logger.warning("the exchange's key could not be read again; the present one is used")
            return self.key


def _broker_maker(
    settings: TradeSettings, stores: TradeStores, executor: Executor | None
) -> Callable[[BybitConnection], Broker]:
    """Return what makes the mode's broker; the other mode's is not loaded."""
    if settings.uses_account:
        from pumpwatch.adapters.bybit.broker import BybitBroker  # noqa: PLC0415 - not in paper mode

        return lambda exchange: BybitBroker(exchange.session, exchange.session, executor=executor)
    from pumpwatch.adapters.paper.broker import PaperBroker  # noqa: PLC0415 - in paper mode only

    account = stores.paper
    if account is None:
        raise InvariantBroken("paper mode has no store for its account")
    return lambda exchange: PaperBroker(
        exchange.market,
        account,
        exchange.session,
        equity=settings.paper_equity_usdt,
        taker_fee=settings.taker_fee,
        slippage=settings.paper_slippage,
    )


def _paper_store(table: Table) -> PaperStore:
    from pumpwatch.adapters.dynamodb.paper import (  # noqa: PLC0415 - in paper mode only
        DynamoPaperStore,
    )

    return DynamoPaperStore(table)
