"""Percentiles from the totals of histograms: known to lie below a bucket's bound, no closer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.metrics.catalogue import METRICS, Kind, Metric

RANKS = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What at most 50, 95 and 99 % of the observations stayed within; infinity: above all buckets.

    Seconds, or fractions where the metric's name says ratio.
    """

    name: str
    help: str
    count: int
    p50: float
    p95: float
    p99: float


def bounds_of(totals: Mapping[str, Mapping[str, Decimal]]) -> tuple[Bounds, ...]:
    """Return the bounds of every histogram that has seen something, over all its labels."""
    found = []
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            counts = _counts(metric, totals.get(metric.job, {}))
            if counts.total():
                p50, p95, p99 = (_bound(counts, rank) for rank in RANKS)
                found.append(Bounds(metric.name, metric.help, counts.total(), p50, p95, p99))
    return tuple(found)


def _counts(metric: Metric, totals: Mapping[str, Decimal]) -> Counter[float]:
    """Return how many observations each bucket holds, by its upper bound."""
    counts: Counter[float] = Counter()
    for key, value in totals.items():
        name, _, labels = key.partition("|")
        if name == metric.name:
            bound = dict(one.split("=", 1) for one in labels.split(","))["le"]
            counts[float(bound)] += int(value)
    return counts


def _bound(counts: Counter[float], rank: float) -> float:
    wanted, seen = counts.total() * rank / 100, 0
    for bound in sorted(counts):
        seen += counts[bound]
        if seen >= wanted:
            return bound
    return math.inf
