"""How much of each limit a load takes, and which limit it meets first.

Steady loads are averages over a minute; a pump's burst is taken over `BURST_SECONDS`, in which
every user should have sent its order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from .limits import LIMITS, Limit
from .load import Load, Shape, seconds_in_lambda

BURST_SECONDS = 10.0
MINUTE_SECONDS = 60.0
ANSWER_BYTES_A_SECOND = 10e6
"""Assumed of the way from the exchange to a function."""
SECRET_SECONDS = 300
NOTIONAL_USDT = 500
"""MaxNotionalUsdt in template.yaml."""
MESSAGES_A_PUMP = 3
LEAST_PAUSE = 5.0
"""Seconds between two messages of ours to a channel."""
BATCH = 10
"""Messages in one call to a queue."""
MOST = 10**9


@dataclass(frozen=True, slots=True)
class Use:
    """How much of a limit is taken; `share` 1 is all of it."""

    key: str
    limit: Limit
    used: float

    @property
    def share(self) -> float:
        """Return what is used over what there is."""
        return self.used / self.limit.value


@dataclass(frozen=True, slots=True)
class Met:
    """The value of an axis from which on a limit is exceeded."""

    use: Use
    value: int


Usage = Callable[[Load], float]


def _address_requests(load: Load) -> float:
    minute = load.users * load.user.idle.requests
    if load.shape is Shape.COPIES:
        return (minute + load.users * load.tick_requests) / MINUTE_SECONDS
    addresses = load.addresses if load.shape is Shape.KEYED else 1
    # The detector keeps an address of its own where there are several.
    detector = load.tick_requests if addresses == 1 else 0.0
    return (minute / addresses + detector) / MINUTE_SECONDS


def _lease_seconds(load: Load) -> float:
    runs = load.workers if load.shape is Shape.ONE_TABLE else 1
    return runs * seconds_in_lambda(load.user.idle)


def _concurrency(load: Load) -> float:
    detect = load.detectors * load.detect_seconds / MINUTE_SECONDS
    return detect + load.workers * seconds_in_lambda(load.user.idle) / MINUTE_SECONDS


def _reserved(load: Load) -> float:
    return load.detectors + (load.workers if load.shape is Shape.COPIES else 0)


def _in_burst(load: Load, amount: float) -> float:
    return load.workers * amount / BURST_SECONDS


def _hottest(units: Mapping[str, int], *, without: str = "TRADE#") -> float:
    return float(max((n for key, n in units.items() if not key.startswith(without)), default=0))


def _partition_writes(load: Load) -> float:
    if load.shape is Shape.ONE_TABLE:
        return _in_burst(load, _hottest(load.user.entry.writes))
    return _hottest(load.user.entry.writes, without="none") / BURST_SECONDS


def _partition_reads(load: Load) -> float:
    # Signals are everybody's where there is one detector, whatever the other keys are.
    readers = 1 if load.shape is Shape.COPIES else load.workers
    return readers * load.user.entry.reads.get("SIGNAL", 1) / BURST_SECONDS


def _table_writes(load: Load) -> float:
    workers = 1 if load.shape is Shape.COPIES else load.workers
    return workers * load.user.entry.table_writes / BURST_SECONDS


def _scraped(load: Load) -> float:
    groups = load.detectors + (0 if load.shape is Shape.KEYED else load.workers)
    return float(groups * load.user.scrape_bytes)


def _messages(load: Load) -> float:
    if load.shape is Shape.KEYED:
        return 1 / LEAST_PAUSE
    # Copies have a channel each; whoever shares an installation shares its channel.
    sharing = load.workers if load.shape is Shape.ONE_TABLE else load.exchanges
    return sharing * MESSAGES_A_PUMP / MINUTE_SECONDS


def _only(*shapes: Shape) -> Callable[[Usage], Usage]:
    """Return a usage that is nothing in other shapes."""

    def limited(usage: Usage) -> Usage:
        return lambda load: usage(load) if load.shape in shapes else 0.0

    return limited


_keyed, _one_table = _only(Shape.KEYED), _only(Shape.ONE_TABLE)

USAGES: Mapping[str, Usage] = MappingProxyType(
    {
        "candidates": lambda load: load.moving,
        "detect_seconds": lambda load: load.detect_seconds,
        "detect_memory": lambda load: load.tick.memory_bytes(load.symbols) / 1e6,
        "answer_seconds": lambda load: (
            load.tick.latency_seconds
            + load.tick.tickers_bytes(load.symbols) / ANSWER_BYTES_A_SECOND
        ),
        "address_requests": _address_requests,
        "lease_seconds": _lease_seconds,
        "book_depth": lambda load: load.users * NOTIONAL_USDT,
        "concurrency": _concurrency,
        "reserved_concurrency": _reserved,
        "event_source": _keyed(lambda load: _in_burst(load, seconds_in_lambda(load.user.entry))),
        "schedules": lambda load: (
            (load.detectors + (load.workers if load.shape is Shape.COPIES else load.exchanges))
            / MINUTE_SECONDS
        ),
        "queue_calls": _keyed(lambda load: _in_burst(load, 1 / BATCH)),
        "queue_in_flight": _keyed(lambda load: _in_burst(load, seconds_in_lambda(load.user.entry))),
        "partition_writes": _partition_writes,
        "partition_reads": _partition_reads,
        "table_writes": _table_writes,
        "stream_readers": _one_table(lambda load: load.workers),
        "bucket_writes": lambda load: load.detectors * (1 + load.slices_a_tick) / MINUTE_SECONDS,
        "secret_reads": lambda load: load.workers / SECRET_SECONDS,
        "stacks": lambda load: load.workers if load.shape is Shape.COPIES else 1,
        "scrape_bytes": _scraped,
        "active_series": _keyed(lambda load: load.workers * load.user.series),
        "messages": _messages,
    }
)
"""By the limits' keys: what a load uses of each, in the limit's unit."""

AXES = ("symbols", "movers", "exchanges", "users")


def uses(load: Load, limits: Mapping[str, Limit] = LIMITS) -> tuple[Use, ...]:
    """Return the use of every limit, the tightest first."""
    found = [Use(key, limit, USAGES[key](load)) for key, limit in limits.items()]
    return tuple(sorted(found, key=lambda one: -one.share))


def meets(load: Load, axis: str, limits: Mapping[str, Limit] = LIMITS) -> tuple[Met, ...]:
    """Return the limits that are exceeded as one axis of `AXES` grows, the first one first.

    Uses never fall as an axis grows, so the value is found by halving; limits that are exceeded
    nowhere up to a thousand million are left out.
    """
    found = []
    for key, limit in limits.items():
        value = _exceeded_from(load, axis, USAGES[key], limit.value)
        if value is not None:
            there = _grown(load, axis, value)
            found.append(Met(Use(key, limit, USAGES[key](there)), value))
    return tuple(sorted(found, key=lambda one: one.value))


def _grown(load: Load, axis: str, value: int) -> Load:
    changes: dict[str, Any] = {axis: value}
    return replace(load, **changes)


def _exceeded_from(load: Load, axis: str, usage: Usage, most: float) -> int | None:
    def exceeded(value: int) -> bool:
        return usage(_grown(load, axis, value)) > most

    low, high = 0, 1
    while not exceeded(high):
        low, high = high, high * 2
        if high > MOST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if exceeded(middle) else (middle, high)
    return high
