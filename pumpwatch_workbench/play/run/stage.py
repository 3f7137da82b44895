"""The stage a run is played on: simulated exchange, AWS stand-in, Pushgateway, both functions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.adapters.settings_object import SettingsObject
from pumpwatch.bootstrap.connection import connect_to_bybit
from pumpwatch.bootstrap.detect import DetectStores, detect_pumps
from pumpwatch.ports import Journal, SignalStore
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.overrides import OBJECT, settings_in_force
from pumpwatch_workbench.local.aws.aws import AwsServer
from pumpwatch_workbench.local.aws.functions import LocalFunction
from pumpwatch_workbench.local.aws.pushgateway import Pushgateway
from pumpwatch_workbench.local.aws.queues import QueueReader
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.local.aws.streams import StreamReader
from pumpwatch_workbench.play.run.options import START, RunOptions
from pumpwatch_workbench.play.run.simulator_process import (
    SimulatorProcess,
    connect,
    simulator_process,
)
from pumpwatch_workbench.simulator.market_time import MarketTime

DETECT, TRADE = "DetectFunction", "TradeFunction"
BACKFILL_THREADS = 2


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a run talks to. Signals, events and journal are read as an operator would."""

    simulator: SimulatorProcess
    gateway: Pushgateway
    stack: LocalStack
    stream: StreamReader
    scans: QueueReader
    signals: SignalStore
    journal: Journal

    @property
    def detect(self) -> LocalFunction:
        """Return the detect function."""
        return self.stack.functions[DETECT]

    @property
    def trade(self) -> LocalFunction:
        """Return the trade function."""
        return self.stack.functions[TRADE]

    def detect_event(self, time: int) -> dict[str, Any]:
        """Return what the schedule sends to detect at a market time."""
        return self.stack.scheduled_event(DETECT, time)

    def trade_event(self, time: int) -> dict[str, Any]:
        """Return what the schedule sends to trade at a market time."""
        return self.stack.scheduled_event(TRADE, time)

    def backfill(self, progress: Callable[[int, int], None]) -> None:
        backfill(self.stack, progress)


def backfill(stack: LocalStack, progress: Callable[[int, int], None] | None = None) -> None:
    """Fill the history ahead of time, as `pumpwatch backfill` does on a deployed stack."""
    client, variables = stack.aws.client("s3"), stack.functions[DETECT].variables
    stored = SettingsObject(variables["BUCKET_NAME"], client)
    stored.read_anew()
    settings = settings_in_force(DetectSettings, variables, stored.settings)
    threads = settings.model_copy(update={"parallel_requests": BACKFILL_THREADS})
    exchange = connect_to_bybit(threads, requests_per_second=10_000, exchange_time=MarketTime())
    history = S3HistoryStore(settings.bucket_name, client)
    table = Table(settings.table_name, stack.aws.client("dynamodb"))
    try:
        detect_pumps(settings, DetectStores.in_aws(table, history), exchange).backfill(progress)
    finally:
        exchange.session.close()


@contextmanager
def set_stage(options: RunOptions) -> Iterator[Stage]:
    """Start everything at once, and stop it at the end.

    Raises `BadInput` for options that do not work.
    """
    with (
        simulator_process(_simulator_arguments(options)) as process,
        AwsServer() as aws,
        Pushgateway() as gateway,
    ):
        simulator = connect(process)
        parameters = _parameters(options, simulator, gateway)
        with LocalStack(parameters=parameters, variables=_lock_step(), aws=aws) as stack:
            stack.aws.client("s3").put_object(
                Bucket=stack.name_of("HistoryBucket"),
                Key=OBJECT,
                Body=json.dumps(dict(options.settings)).encode(),
            )
            yield _stage(simulator, gateway, stack)


def _stage(simulator: SimulatorProcess, gateway: Pushgateway, stack: LocalStack) -> Stage:
    stack.put_secret(
        "ExchangeKey", {"api_key": simulator.api_key, "api_secret": simulator.api_secret}
    )
    table = Table(stack.name_of("StateTable"), stack.aws.client("dynamodb"))
    return Stage(
        simulator=simulator,
        gateway=gateway,
        stack=stack,
        stream=stack.stream_reader(TRADE),
        scans=stack.queue_reader(DETECT),
        signals=DynamoSignalStore(table),
        journal=DynamoJournal(table),
    )


def _simulator_arguments(options: RunOptions) -> list[str]:
    source = (
        ["--replay", str(options.replay)]
        if options.replay is not None
        else [
            *("--symbols", str(options.symbols)),
            *("--live-minutes", str(options.live_minutes)),
            *("--start", START),
        ]
    )
    return [
        *source,
        *("--seed", str(options.seed)),
        *("--latency-ms", str(options.latency_ms)),
        *("--balance", str(options.balance_usdt)),
        "--stepped",
    ]


def _parameters(
    options: RunOptions, simulator: SimulatorProcess, gateway: Pushgateway
) -> dict[str, object]:
    """Return the template's parameters: live trading, with both of its switches, on loopback."""
    return {
        "Stage": "local",
        "TradingMode": "live",
        "LiveTradingConfirmation": simulator.user_id,
        "Strategy": options.strategy,
        "Detector": options.detector,
        "ScanIntervalSeconds": options.scan_interval,
        "BybitBaseUrl": simulator.url,
        "PushgatewayUrl": gateway.url,
    }


def _lock_step() -> dict[str, dict[str, str]]:
    """Return what differs from a deployed stack: requests one after another, so that the same seed
    gives the same run, and no pace of the wall clock, which market time does not follow."""
    one_by_one = {"PARALLEL_REQUESTS": "1"}
    return {DETECT: {**one_by_one, "REQUESTS_PER_SECOND": "110"}, TRADE: one_by_one}
