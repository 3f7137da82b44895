"""The detect function, put together."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.deadlines import NoDeadline
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.adapters.sqs import SqsScanQueue
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.lease import Lease
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import DETECT, MOST_EVENTS
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.ports import (
    Deadline,
    EventStore,
    HistoryStore,
    LeaseStore,
    MetricsSink,
    ScanQueue,
    SignalStore,
    TotalsStore,
)
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch.usecases.detect.report import DetectReport

from .connection import BybitConnection, connect_to_bybit, describe_traffic
from .function import Function, push_sink
from .lease import RunLease
from .probe import Check, check_exchange, check_history, check_pushgateway, check_table
from .process import FunctionProcess
from .renewal import RenewedFunction
from .scans import Scans

LEASE_NAME = "detect"
LEASE_RESERVE = 1.0
"""Seconds by which the lease outlives the run, which Lambda has killed by then."""
LEASE_PATIENCE = 2.0
"""Seconds for which the minute's run waits while a scan has the lease."""
OVER_SHOWN = 150_000
"""Milliseconds for which an event that is over is still shown: two pushes of the schedule."""

GAUGES = ("tick_delay_seconds", "second_of_minute", "candidates", "candidates_deferred",
          "candidates_unjudged", "events_open")  # fmt: skip
COUNTERS = ("looks", "looks_skipped", "market_moves", "screen_missed", "clock_doubts",
            "bad_candles")  # fmt: skip
"""Fields of the report that are metrics of the same name."""


@dataclass(frozen=True, slots=True)
class DetectStores:
    """The stores of detect."""

    history: HistoryStore
    signals: SignalStore
    events: EventStore
    leases: LeaseStore
    totals: TotalsStore

    @classmethod
    def in_aws(
        cls, table: Table, history: HistoryStore, wall: Callable[[], float] = time.time
    ) -> DetectStores:
        """Return the stores of a deployed stack: one table, and the history's bucket.

        Leases end by `wall`, Unix seconds.
        """
        return cls(
            history=history,
            signals=DynamoSignalStore(table),
            events=DynamoEventStore(table),
            leases=DynamoLeaseStore(table, wall),
            totals=DynamoTotalsStore(table),
        )


def detect_from_environment(
    environment: Mapping[str, str], *, exchange_time: ExchangeTime | None = None
) -> RenewedFunction[DetectSettings, DetectReport]:
    """Return the deployed function for the settings in the environment. Raises `SettingsError`."""
    compose = partial(_deployed, environment, exchange_time)
    return RenewedFunction(DetectSettings, environment, compose)


def _deployed(
    environment: Mapping[str, str], exchange_time: ExchangeTime | None, settings: DetectSettings
) -> Function[DetectReport]:
    table = Table(settings.table_name)
    exchange = connect_to_bybit(
        settings, requests_per_second=settings.requests_per_second, exchange_time=exchange_time
    )
    session = exchange.session
    market = _MarketWall(session) if exchange_time is not None else None
    history = S3HistoryStore(settings.bucket_name)
    stores = DetectStores.in_aws(table, history, market or time.time)
    sink = push_sink(settings)
    checks: dict[str, Check] = {
        "exchange": partial(check_exchange, session),
        "table": partial(check_table, table),
        "history": partial(check_history, stores.history),
        "pushgateway": partial(check_pushgateway, DETECT, sink),
    }
    queue = SqsScanQueue(settings.scan_queue_url) if settings.scan_queue_url else None
    function = detect_function(settings, stores, exchange, queue=queue, sink=sink, checks=checks)
    function.process = FunctionProcess(environment)
    if market is not None:
        function.begin = market.begin
    return function


class _MarketWall:
    """The wall clock by which leases end where the exchange is simulated and has its own time.

    A scan's due time is near enough; a run of the schedule asks the exchange.
    """

    def __init__(self, session: BybitSession) -> None:
        self._session = session
        self._time = 0

    def begin(self, tick: Tick) -> None:
        self._session.start_run(NoDeadline())
        self._time = tick.scheduled_time if tick.is_scan else self._session.now()

    def __call__(self) -> float:
        return self._time / 1000


def detect_function(
    settings: DetectSettings,
    stores: DetectStores,
    exchange: BybitConnection,
    *,
    queue: ScanQueue | None = None,
    sink: MetricsSink | None = None,
    checks: Mapping[str, Check] | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> Function[DetectReport]:
    """Return the function on any stores and any exchange; without a sink nothing is pushed.

    Without a queue whoever calls it asks for the scans between two runs of the schedule.
    """
    use_case = detect_pumps(settings, stores, exchange)
    scans = Scans(queue, settings.scan_interval_seconds)

    def when_busy(deadline: Deadline) -> None:
        # Without the mark nobody knows what is in the queue: what comes twice is dropped.
        exchange.session.start_run(deadline)
        scans.enqueue(Lease(LEASE_NAME, "", 0), exchange.session.now())

    def work(tick: Tick, deadline: Deadline, lease: Lease) -> DetectReport | None:
        exchange.session.start_run(deadline)
        handed_over = scans.handed_over(lease)
        if not tick.is_scan:
            # Before anything else: a run that dies takes no scan with it. While the exchange
            # forbids requests this raises, and scanning comes to rest.
            scans.enqueue(lease, exchange.session.now())
            report = use_case.run(tick, handed_over=handed_over)
        elif scans.is_wanted(tick, lease):
            report = use_case.look(handed_over=handed_over)
            report.tick_delay_seconds = (report.time - tick.scheduled_time) / 1000
        else:
            return None
        scans.looked(tick, lease, report.time)
        return report

    def describe_run(report: DetectReport, numbers: RunNumbers) -> None:
        describe(report, numbers)
        numbers.set("clock_skew_seconds", exchange.session.clock_skew_seconds)
        numbers.set("scan_interval_seconds", settings.scan_interval_seconds)
        numbers.set("scan_gap_seconds_max", scans.gap)

    return Function(
        DETECT,
        lease=RunLease(
            stores.leases, LEASE_NAME, reserve=LEASE_RESERVE, patience=LEASE_PATIENCE, wait=wait
        ),
        reporter=MetricsReporter(DETECT, stores.totals, sink),
        work=work,
        when_busy=when_busy,
        describe=describe_run,
        describe_always=partial(describe_traffic, exchange.session.traffic),
        is_news=lambda report: bool(report.signals),
        has_failed=lambda report: bool(report.failure),
        checks=checks or {},
    )


def answer_of(report: DetectReport) -> dict[str, object]:
    """Return what the function answers after a scan."""
    return {
        "symbols": report.symbols,
        "candidates": report.candidates,
        "requests": report.requests,
        "warming_up": report.warming_up,
        "events_open": report.events_open,
        "signals": [signal.signal_id for signal in report.signals],
    }


def detect_pumps(
    settings: DetectSettings, stores: DetectStores, exchange: BybitConnection
) -> DetectPumps:
    """Return the use case, as the function and a backfill need it."""
    return DetectPumps(
        exchange.market,
        stores.history,
        stores.signals,
        stores.events,
        settings,
        clock=exchange.session,
    )


def describe(report: DetectReport, numbers: RunNumbers) -> None:
    """Fill in what a run's report says."""
    for name in GAUGES:
        numbers.set(name, getattr(report, name))
    numbers.set("symbols_scanned", report.symbols)
    numbers.set("symbols_skipped", report.skipped)
    numbers.set("symbols_warming_up", report.warming_up)
    numbers.set("signals_last_run", len(report.signals))
    numbers.set("requests_last_run", report.requests)
    _describe_events(report, numbers)
    for signal in report.signals:
        numbers.count("signals", phase=signal.phase.value)
    for seconds in report.signal_delays:
        numbers.observe("signal_delay_seconds", seconds)
    numbers.count("judged", report.judged_with_trades, trades="known")
    numbers.count("judged", report.judged_without_trades, trades="unknown")
    for name in COUNTERS:
        numbers.count(name, getattr(report, name))


def _describe_events(report: DetectReport, numbers: RunNumbers) -> None:
    """Show the strongest events by phase: the present one, and those that this run signalled."""
    shown = [
        event
        for event in report.events
        if event.phase is not Phase.OVER or report.time - event.phase_since < OVER_SHOWN
    ]
    shown.sort(key=lambda event: -event.rise)
    for event in shown[:MOST_EVENTS]:
        phases = {event.phase} | {
            signal.phase for signal in report.signals if signal.event_id == event.event_id
        }
        for phase in phases:
            numbers.set("pump_event_active", event.rise, symbol=event.symbol, phase=phase.value)
