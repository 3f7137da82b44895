"""What one user costs: the trade function's runs in live mode, counted and timed.

Both handlers by their Lambda entry points, the AWS stand-in and a Pushgateway behind them, the
simulated exchange with a latency before them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.dynamodb.stores import DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.domain.detection.signals import Phase, Signal, signal_id_for
from pumpwatch.domain.moments import SECOND
from pumpwatch.errors import InvariantBroken
from pumpwatch_workbench.local.aws.pushgateway import Pushgateway
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.market.measured import MeasuredExchange
from pumpwatch_workbench.simulator.market.source import MINUTE_MS
from pumpwatch_workbench.simulator.market_time import MarketTime

from .exchange_process import START, serve_market
from .tick import LATENCY_MS
from .traffic import CREATE, Traffic, watched

DETECT, TRADE = "DetectFunction", "TradeFunction"
STAGE = "scale"
SYMBOLS = 6
WARM_UP = 3
REPEATS = 3
PARAMETERS = {
    "Stage": STAGE,
    "TradingMode": "live",
    "Strategy": "fade",
    "MaxNotionalUsdt": 50,
}
VARIABLES = {TRADE: {"FADE_MIN_GAIN": "0"}}


@dataclass(frozen=True, slots=True)
class RunUse:
    """A warm invocation, the middle one of some: requests to the exchange, units of the table by
    partition key."""

    seconds: float
    cpu_seconds: float
    public: int
    """Requests that count against the address alone."""
    private: int
    """Requests that count against the address and the account."""
    until_order: int
    """Requests up to the order, itself included; 0: it sent none."""
    reads: Mapping[str, int]
    writes: Mapping[str, int]

    @property
    def requests(self) -> int:
        """Return all requests to the exchange."""
        return self.public + self.private

    @property
    def table_reads(self) -> int:
        """Return the read units of all partitions."""
        return sum(self.reads.values())

    @property
    def table_writes(self) -> int:
        """Return the write units of all partitions."""
        return sum(self.writes.values())


@dataclass(frozen=True, slots=True)
class UserFigures:
    """Runs of the trade function by what they found to do, and detect's beside them."""

    idle: RunUse
    entry: RunUse
    """Woken by a signal: it enters."""
    holding: RunUse
    """The next schedule, with the position open."""
    detect: RunUse
    """Detect over a few calm symbols: what it asks of the table does not grow with them."""
    series: int
    """Time series that trade's group at the Pushgateway has."""
    scrape_bytes: int
    """Of them in a scrape, uncompressed."""


def measure_users() -> UserFigures:
    """Measure one user in live mode; takes some ten seconds."""
    account = credentials_from_seed(1)
    with serve_market(SYMBOLS, 0) as served, Pushgateway(real=False) as gateway:
        parameters = {
            **PARAMETERS,
            "BybitBaseUrl": served.url,
            "PushgatewayUrl": gateway.url,
            "LiveTradingConfirmation": str(account.user_id),
        }
        with LocalStack(parameters=parameters, variables=VARIABLES) as stack:
            key = {"api_key": account.api_key, "api_secret": account.api_secret}
            stack.put_secret("ExchangeKey", key)
            served.tell("latency", LATENCY_MS)
            return _measured(stack, served, gateway)


def _measured(stack: LocalStack, served: MeasuredExchange, gateway: Pushgateway) -> UserFigures:
    for minute in range(WARM_UP):
        for function in (DETECT, TRADE):
            _invoke(stack, served, function, minute)
    later = range(WARM_UP, WARM_UP + REPEATS)
    detect = _median([_invoke(stack, served, DETECT, minute) for minute in later])
    idle = _median([_invoke(stack, served, TRADE, minute) for minute in later])
    entry = _median(_entries(stack, served, later[-1]))
    if not entry.until_order:
        raise InvariantBroken("a user's entry could not be measured: no order was sent")
    after = (later[-1] + 1 + number for number in range(REPEATS))
    holding = _median([_invoke(stack, served, TRADE, minute) for minute in after])
    series, size = _group_of(gateway.text())
    return UserFigures(idle, entry, holding, detect, series, size)


def _entries(stack: LocalStack, served: MeasuredExchange, minute: int) -> list[RunUse]:
    """Wake the function by signals of some symbols, one after another."""
    reader = stack.stream_reader(TRADE)
    table = Table(stack.name_of("StateTable"), stack.aws.client("dynamodb"))
    signals = DynamoSignalStore(table)
    found = []
    for number in range(REPEATS):
        now = START + minute * MINUTE_MS + 20_000 + number * 5_000
        served.tell("time", now)
        list(reader.batches())
        signals.publish(_signal(served.url, number, now))
        (batch,) = reader.batches()
        found.append(_run(stack, TRADE, batch))
    return found


def _median(runs: Sequence[RunUse]) -> RunUse:
    """Return the run in the middle by its duration."""
    return sorted(runs, key=lambda one: one.seconds)[len(runs) // 2]


def _invoke(stack: LocalStack, served: MeasuredExchange, function: str, minute: int) -> RunUse:
    due = START + minute * MINUTE_MS
    served.tell("time", due + SECOND)
    return _run(stack, function, stack.scheduled_event(function, due))


def _run(stack: LocalStack, function: str, event: object) -> RunUse:
    local = stack.functions[function]
    with watched() as traffic:
        cpu = time.process_time()
        invocation = local.invoke(event)
        used = time.process_time() - cpu
    invocation.result()
    return _use(traffic, invocation.seconds, used)


def _use(traffic: Traffic, seconds: float, cpu: float) -> RunUse:
    return RunUse(
        seconds=seconds,
        cpu_seconds=cpu,
        public=traffic.public,
        private=len(traffic.paths) - traffic.public,
        until_order=traffic.until_order if CREATE in traffic.paths else 0,
        reads=dict(traffic.reads),
        writes=dict(traffic.writes),
    )


def _signal(url: str, number: int, now: int) -> Signal:
    """Return a stalled pump of a symbol at its present price."""
    session = BybitSession(url, exchange_time=MarketTime())
    snapshot = BybitMarketData(session).snapshot()
    session.close()
    symbol, price = snapshot.symbols[number], float(snapshot.last_price[number])
    event = f"event-{symbol}"
    return Signal(
        signal_id=signal_id_for(event, Phase.PEAKED),
        event_id=event,
        symbol=symbol,
        phase=Phase.PEAKED,
        time=now,
        price=price,
        base_price=price / 1.17,
        peak_price=price * 1.025,
        strength=60.0,
        jump=0.2,
        detector="ewma",
    )


def _group_of(text: str) -> tuple[int, int]:
    """Return how many series trade's group has, and their size in a scrape."""
    lines = [line for line in text.splitlines() if 'job="pumpwatch_trade"' in line]
    families = text_string_to_metric_families(text)
    samples = [one for family in families for one in family.samples]
    series = sum(one.labels.get("job") == "pumpwatch_trade" for one in samples)
    return series, sum(len(line) + 1 for line in lines)
