"""Dollars a month of a load, at list prices and with what was measured."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pumpwatch_workbench.deployment import MEASUREMENTS
from pumpwatch_workbench.operations.costs.model import MINUTES, SLOWER, VCPU_MEGABYTES, monthly_cost
from pumpwatch_workbench.operations.costs.prices import FRANKFURT, Prices
from pumpwatch_workbench.operations.costs.usage import TickUse, installation, tick_uses

from .load import Load, Shape, seconds_in_lambda

NEAREST = 1_000
"""Symbols of the benchmark that gives what is not measured here: starts and log lines."""
SIGNALS_A_MONTH = 100
"""Pumps that are traded: an assumption, and of little weight."""
QUEUE_REQUESTS_A_MESSAGE = 3
"""Sent, received, deleted."""
SAMPLE = 0.90 / 10e6
"""Of the first 2,000 million a month in Amazon's managed Prometheus: from memory."""
USER_SERIES = 20
"""Series that a user keeps in the keyed shape; the rest are sums over all users."""


@dataclass(frozen=True, slots=True)
class Dollars:
    """A month's parts, in the order in which they are shown."""

    detect: float
    trade: float
    keys: float
    """Secrets that hold the exchange's keys."""
    addresses: float
    metrics: float

    @property
    def total(self) -> float:
        """Return all of it."""
        return self.detect + self.trade + self.keys + self.addresses + self.metrics


def dollars_per_detector(load: Load, prices: Prices = FRANKFURT) -> float:
    """Return a month of one installation over so many symbols, trade for one user included."""
    uses = _uses(load)
    cost = monthly_cost(uses, installation(), prices, symbols=load.symbols, scan_seconds=60)
    return cost.total


def dollars(load: Load, prices: Prices = FRANKFURT) -> Dollars:
    """Return a month of the whole load."""
    one = dollars_per_detector(load, prices)
    if load.shape is Shape.COPIES:
        return Dollars(one * load.workers, 0.0, 0.0, 0.0, 0.0)
    more = load.workers - load.exchanges
    addresses = load.addresses if load.shape is Shape.KEYED else 0
    keyed = load.shape is Shape.KEYED
    return Dollars(
        detect=one * load.exchanges,
        trade=more * _worker(load, prices),
        keys=more * prices.secret_month,
        addresses=addresses * MINUTES / 60 * (prices.nat_hour + prices.address_hour),
        metrics=load.workers * USER_SERIES * MINUTES * SAMPLE if keyed else 0.0,
    )


def trade_start_seconds() -> float:
    """Return how long a new environment of the trade function takes, by the benchmark."""
    return _start(_benchmark()["trade"])


def _worker(load: Load, prices: Prices) -> float:
    """Return a user's runs each minute, and the queue's messages."""
    user, made = load.user, installation()
    gigabytes = made.trade_megabytes / 1_024
    compute = seconds_in_lambda(user.idle) * gigabytes * prices.lambda_gigabyte_second
    table = user.idle.table_reads * prices.table_read_unit
    table += user.idle.table_writes * prices.table_write_unit
    logs = (_benchmark()["trade"].log_bytes + 900) / 1e9 * prices.log_gigabyte
    minute = compute + prices.lambda_request + table + logs
    queue = prices.queue_request * QUEUE_REQUESTS_A_MESSAGE
    return MINUTES * (minute + queue) + SIGNALS_A_MONTH * (minute + queue)


def _uses(load: Load) -> dict[str, TickUse]:
    measured, tick = _benchmark(), load.tick
    detect = replace(
        measured["detect"],
        seconds=tick.wall(load.symbols, load.moving),
        cpu_seconds=tick.cpu(load.symbols, load.moving),
        bucket_reads=float(load.slices_a_tick),
        bucket_writes=1.0 + load.slices_a_tick,
        table_reads=float(load.user.detect.table_reads),
        table_writes=float(load.user.detect.table_writes),
    )
    return {**measured, "detect": detect}


def _benchmark(results: Path = MEASUREMENTS) -> dict[str, TickUse]:
    return tick_uses(results, NEAREST)


def _start(use: TickUse) -> float:
    share = min(1.0, installation().trade_megabytes / VCPU_MEGABYTES)
    return use.init_cpu_seconds * SLOWER / share
