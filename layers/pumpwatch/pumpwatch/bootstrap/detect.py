"""The detect function, put together."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession, ExchangeClock
from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.errors import LeaseHeld
from pumpwatch.invocation import Tick
from pumpwatch.metrics.catalogue import DETECT, MOST_EVENTS
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.ports import Deadline
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch.usecases.detect.report import DetectReport

from .function import Function, HeldLease, metrics_reporter, push_sink
from .probe import check_exchange, check_history, check_pushgateway, check_table
from .traffic import describe_traffic

LEASE_NAME = "detect"
OVER_SHOWN = 150_000
"""Milliseconds for which an event that is over is still shown: two pushes of the schedule."""
LEASE_RESERVE = 1.0
"""Seconds by which the lease outlives the run: it ends before the next tick even after a kill."""


def detect_function(
    environment: Mapping[str, str], *, exchange_time: ExchangeTime | None = None
) -> Function[DetectReport]:
    """Return the function for the settings in the environment. Raises `SettingsError`.

    `exchange_time` is the rule by which its time is believed: a simulated exchange, whose
    time is not ours, needs another one.
    """
    settings = load_settings(DetectSettings, environment)
    table = Table(settings.table_name)
    traffic = Traffic()
    session = BybitSession(
        settings.bybit_base_url,
        timeout_seconds=settings.request_timeout_seconds,
        requests_per_second=settings.requests_per_second,
        threads=settings.parallel_requests,
        traffic=traffic,
        exchange_time=exchange_time,
    )
    history = S3HistoryStore(settings.bucket_name)
    use_case = DetectPumps(
        BybitMarketData(session, parallel_requests=settings.parallel_requests),
        history,
        DynamoSignalStore(table),
        DynamoEventStore(table),
        settings,
        clock=ExchangeClock(session),
        wait=time.sleep,
    )
    lease = HeldLease(DynamoLeaseStore(table))

    def work(tick: Tick, deadline: Deadline) -> DetectReport | None:
        try:
            seconds = deadline.seconds_left() + LEASE_RESERVE
            held = lease.acquire(LEASE_NAME, owner=tick.execution_id, seconds=seconds)
        except LeaseHeld:
            return None
        lease.release(held)
        session.start_run(deadline)
        return use_case.run(tick, deadline)

    def describe_run(report: DetectReport, numbers: RunNumbers) -> None:
        describe(report, numbers)
        numbers.set("clock_skew_seconds", session.clock_skew_seconds)

    return Function(
        DETECT,
        reporter=metrics_reporter(DETECT, settings, table),
        lease=lease,
        work=work,
        describe=describe_run,
        checks={
            "exchange": partial(check_exchange, session),
            "table": partial(check_table, table),
            "history": partial(check_history, history),
            "pushgateway": partial(check_pushgateway, DETECT, push_sink(settings)),
        },
        describe_always=lambda numbers: describe_traffic(traffic.take(), numbers),
    )


def describe(report: DetectReport, numbers: RunNumbers) -> None:
    """Fill in what a run's report says."""
    numbers.set("tick_delay_seconds", report.tick_delay_seconds)
    numbers.set("second_of_minute", report.second_of_minute)
    numbers.set("symbols_scanned", report.symbols)
    numbers.set("symbols_skipped", report.skipped)
    numbers.set("symbols_warming_up", report.warming_up)
    numbers.set("candidates", report.candidates)
    numbers.set("candidates_deferred", report.candidates_deferred)
    numbers.set("candidates_unjudged", report.candidates_unjudged)
    numbers.set("events_open", report.events_open)
    numbers.set("signals_last_run", len(report.signals))
    numbers.set("requests_last_run", report.requests)
    _describe_events(report, numbers)
    for signal in report.signals:
        numbers.count("signals", phase=signal.phase.value)
    for seconds in report.signal_delays:
        numbers.observe("signal_delay_seconds", seconds)
    numbers.count("screen_missed", report.screen_missed)
    numbers.count("judged", report.judged_with_trades, trades="known")
    numbers.count("judged", report.judged_without_trades, trades="unknown")
    numbers.count("clock_doubts", report.clock_doubts)
    numbers.count("bad_candles", report.bad_candles)


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
