"""The trade function, put together. Only live mode ever asks for the exchange's key."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession, ExchangeClock
from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.secrets_manager import SecretsManagerSecrets
from pumpwatch.credentials import ExchangeKey
from pumpwatch.errors import BadCredentials, KeyRefused, StoreUnavailable
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import TRADE
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.ports import Broker, Deadline, Secrets
from pumpwatch.settings.shared import load_settings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch.usecases.trade.trade_signals import TradeSignals

from .function import Function, HeldLease, metrics_reporter, push_sink
from .key_check import check_key, check_time
from .numbers import describe
from .probe import check_exchange, check_pushgateway, check_table
from .traffic import describe_traffic

logger = logging.getLogger(__name__)

MOST_READS = 8
"""Independent reads of one round: positions, orders, account, signals, ticker, book, the key. With
fewer threads a round would cost two round trips."""
ENOUGH_SECONDS = 15.0
"""Time a second try needs, with a key that was read anew."""


@dataclass(frozen=True, slots=True)
class _Desk:
    """What stays warm between runs, and the key it was made with."""

    key: ExchangeKey | None
    session: BybitSession
    use_case: TradeSignals


class _Work:
    """A tick's work with the key in force: one that was rotated is picked up without a redeploy."""

    def __init__(
        self,
        settings: TradeSettings,
        table: Table,
        lease: HeldLease,
        secrets: Secrets,
        exchange_time: ExchangeTime | None,
    ) -> None:
        self._make = _desk
        if exchange_time is not None:
            self._make = partial(_desk, exchange_time=exchange_time)
        self._settings = settings
        self._table = table
        self._lease = lease
        self._secrets = secrets
        self._desk: _Desk | None = None
        self._traffic = Traffic()
        self._calls_before = self._requests_before = 0

    def __call__(self, tick: Tick, deadline: Deadline) -> TradeReport | None:
        """Do the work; None when another run holds the lease.

        A key that the exchange does not know did nothing: it is read anew and the tick's work is
        done once more, if there is time. Raises what the use case raises.
        """
        self._calls_before = self._table.calls
        try:
            return self._run(tick, deadline)
        except KeyRefused:
            self._drop()
            self._lease.close()
            if deadline.seconds_left() < ENOUGH_SECONDS:
                raise
            return self._run_again(tick, deadline)
        except BadCredentials:
            self._drop()
            raise

    def describe(self, report: TradeReport, numbers: RunNumbers) -> None:
        """Fill in what the report and this run's calls say."""
        describe(report, numbers, mode=self._settings.trading_mode)
        numbers.set("store_calls_last_run", self._table.calls - self._calls_before)
        if self._desk is not None:
            session = self._desk.session
            numbers.set("requests_last_run", session.request_count - self._requests_before)
            numbers.set("clock_skew_seconds", session.clock_skew_seconds)

    def describe_always(self, numbers: RunNumbers) -> None:
        """Fill in the requests of all tries, those of a failed run too."""
        describe_traffic(self._traffic.take(), numbers)

    def _run_again(self, tick: Tick, deadline: Deadline) -> TradeReport | None:
        try:
            return self._run(tick, deadline)
        except BadCredentials:
            self._drop()
            raise

    def _run(self, tick: Tick, deadline: Deadline) -> TradeReport | None:
        key = self._key() if self._settings.trading_mode == "live" else None
        if self._desk is None or self._desk.key != key:
            self._desk = self._make(self._settings, self._table, self._lease, key, self._traffic)
        self._requests_before = self._desk.session.request_count
        self._desk.session.start_run(deadline)
        report = self._desk.use_case.run(tick, deadline)
        return None if report.busy else report

    def _key(self) -> ExchangeKey | None:
        """Return the key; while the secret cannot be read the present one goes on: exits run."""
        try:
            return self._secrets.exchange_key()
        except StoreUnavailable:
            if self._desk is None:
                raise
            logger.warning("the exchange's key could not be read again; the present one is used")
            return self._desk.key

    def _drop(self) -> None:
        self._desk = None
        self._secrets.forget()


def trade_function(
    environment: Mapping[str, str], *, exchange_time: ExchangeTime | None = None
) -> Function[TradeReport]:
    """Return the function for the settings in the environment. Raises `SettingsError`.

    `exchange_time` is the rule by which its time is believed: a simulated exchange, whose
    time is not ours, needs another one.

    The key is read in each run (from a cache of five minutes), not here: a missing one then fails
    runs that say so in the metrics.
    """
    settings = load_settings(TradeSettings, environment)
    table = Table(settings.table_name)
    lease = HeldLease(DynamoLeaseStore(table))
    secrets = SecretsManagerSecrets(settings.bybit_secret_arn, settings.pushgateway_secret_arn)
    work = _Work(settings, table, lease, secrets, exchange_time)
    reporter = metrics_reporter(TRADE, settings, table, secrets)
    address = settings.bybit_base_url
    session = BybitSession(
        address, timeout_seconds=settings.care_timeout_seconds, exchange_time=exchange_time
    )
    return Function(
        TRADE,
        reporter=reporter,
        lease=lease,
        work=work,
        describe=work.describe,
        checks={
            "exchange": partial(check_exchange, session),
            "table": partial(check_table, table),
            "time": partial(check_time, settings),
            "key": partial(check_key, settings, secrets, time=exchange_time),
            "pushgateway": partial(check_pushgateway, TRADE, push_sink(settings, secrets)),
        },
        describe_always=work.describe_always,
    )


def _desk(
    settings: TradeSettings,
    table: Table,
    lease: HeldLease,
    key: ExchangeKey | None,
    traffic: Traffic,
    exchange_time: ExchangeTime | None = None,
) -> _Desk:
    session = BybitSession(
        settings.bybit_base_url,
        key=key,
        timeout_seconds=settings.care_timeout_seconds,
        threads=settings.parallel_requests,
        traffic=traffic,
        exchange_time=exchange_time,
    )
    market = BybitMarketData(session)
    threads = min(settings.parallel_requests, MOST_READS)
    use_case = TradeSignals(
        broker=_broker(settings, session, market, table),
        market=market,
        journal=DynamoJournal(table),
        signals=DynamoSignalStore(table),
        leases=lease,
        halts=DynamoHaltStore(table),
        locks=DynamoLockStore(table),
        health=session.health,
        clock=ExchangeClock(session),
        settings=settings,
        wait=time.sleep,
        executor=ThreadPoolExecutor(threads) if threads > 1 else None,
    )
    return _Desk(key, session, use_case)


def _broker(
    settings: TradeSettings, session: BybitSession, market: BybitMarketData, table: Table
) -> Broker:
    clock = ExchangeClock(session)
    # Only one of the two brokers is loaded.
    if settings.trading_mode == "live":
        from pumpwatch.adapters.bybit.broker import BybitBroker  # noqa: PLC0415

        return BybitBroker(session, clock)
    from pumpwatch.adapters.dynamodb.paper import DynamoPaperStore  # noqa: PLC0415
    from pumpwatch.adapters.paper.broker import PaperBroker  # noqa: PLC0415

    return PaperBroker(
        market,
        DynamoPaperStore(table),
        clock,
        equity=settings.paper_equity_usdt,
        taker_fee=settings.taker_fee,
        slippage=settings.paper_slippage,
    )
