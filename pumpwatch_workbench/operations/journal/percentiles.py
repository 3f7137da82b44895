"""Percentiles: of measurements, and of histograms, which only know the bucket's upper bound."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from pumpwatch.metrics.catalogue import METRICS, Kind, Metric

RANKS = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles and the largest of some measurements, in their own unit."""

    count: int
    p50: float
    p95: float
    p99: float
    largest: float


def spread_of(values: Iterable[float | None]) -> Spread | None:
    """Return the percentiles of the values that are known, by linear interpolation."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    p50, p95, p99 = (float(percentile) for percentile in np.percentile(known, RANKS))
    return Spread(len(known), p50, p95, p99, max(known))


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds that 50, 95 and 99 % of the observations stayed within; infinity: above all buckets.

    Seconds, or fractions where the metric's name says ratio.
    """

    name: str
    help: str
    count: int
    p50: float
    p95: float
    p99: float


def bounds_of(totals: Mapping[str, Mapping[str, Decimal]]) -> tuple[Bounds, ...]:
    """Return the bounds of every histogram with observations, over all its labels."""
    bounds = []
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            counts = _counts(metric, totals.get(metric.job, {}))
            if counts.total():
                p50, p95, p99 = (_bound(counts, rank) for rank in RANKS)
                bounds.append(Bounds(metric.name, metric.help, counts.total(), p50, p95, p99))
    return tuple(bounds)


def labels_of(text: str) -> dict[str, str]:
    """Return the labels of a total's key, `name=value` with commas between."""
    return dict(label.split("=", 1) for label in text.split(","))


def _counts(metric: Metric, totals: Mapping[str, Decimal]) -> Counter[float]:
    counts: Counter[float] = Counter()
    for key, value in totals.items():
        name, _, labels = key.partition("|")
        if name == metric.name:
            counts[float(labels_of(labels)["le"])] += int(value)
    return counts


def _bound(counts: Counter[float], rank: float) -> float:
    wanted, seen = counts.total() * rank / 100, 0
    for bound in sorted(counts):
        seen += counts[bound]
        if seen >= wanted:
            return bound
    return math.inf
