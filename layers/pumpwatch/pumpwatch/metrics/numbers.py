"""The numbers of a run, as Prometheus will see them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric as Family

from pumpwatch.errors import PumpwatchError
from pumpwatch.metrics.catalogue import METRICS, Kind, Metric, total_key

ALWAYS_SHOWN = ("last_failure_timestamp_seconds", "last_uncounted_timestamp_seconds")
"""Endings of the gauges that a failed run pushes too."""

SUM_DIGITS = 6
"""Decimals of an observation in a histogram's sum: the totals are exact decimals."""

LARGEST = "_max"
"""Ending of the gauges of which the largest value is shown, not the latest."""

Number = int | float | Decimal


class UndeclaredMetric(PumpwatchError):
    """Declare the metric, its type or its label value in the catalogue: it is the only list."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a gauge that has a label of any value."""

    metric: Metric
    labels: Mapping[str, str]
    value: float


class RunNumbers:
    """The numbers of a run. Only what the catalogue declares for the job can be set or counted."""

    def __init__(self, job: str) -> None:
        self.job = job
        self._declared = {metric.name: metric for metric in METRICS if metric.job == job}
        if not self._declared:
            raise UndeclaredMetric(f"no metric is declared for job {job}")
        self.gauges: dict[str, float] = {}
        """Values by the key that `total_key` gives."""
        self.open_series: dict[str, Series] = {}
        """Gauges whose label takes any value, by the same key."""
        self.increments: dict[str, int | float] = {
            total_key(metric.name, labels): 0
            for metric in self._of(Kind.COUNTER)
            for labels in metric.label_sets()
        }
        """Counters, and what histograms have seen: a bucket's key holds its own count only."""

    def set(self, name: str, value: Number | None, **labels: str) -> str:
        """Set a gauge, named without its job, and return its key; None leaves it out."""
        metric = self._metric(f"{self.job}_{name}", Kind.GAUGE, labels)
        key = total_key(metric.name, labels)
        if value is None:
            return key
        if metric.is_open:
            self.open_series[key] = Series(metric, dict(labels), float(value))
        else:
            self.gauges[key] = float(value)
        return key

    def count(self, name: str, amount: int | float = 1, **labels: str) -> None:
        """Add to a counter, named without its job and without `_total`."""
        metric = self._metric(f"{self.job}_{name}_total", Kind.COUNTER, labels)
        self._add(total_key(metric.name, labels), amount)

    def observe(self, name: str, value: Number, **labels: str) -> None:
        """Add an observation of at least 0 to a histogram, named without its job."""
        metric = self._metric(f"{self.job}_{name}", Kind.HISTOGRAM, labels)
        bound = metric.bounds[bisect_left(metric.buckets, float(value))]
        self._add(total_key(metric.name, {**labels, "le": bound}), 1)
        self._add(total_key(f"{metric.name}_sum", labels), round(float(value), SUM_DIGITS))

    def add(self, later: RunNumbers) -> None:
        """Add a later run's numbers: counts add up, of a gauge the later value is shown."""
        for key, value in later.gauges.items():
            before = self.gauges.get(key, value)
            self.gauges[key] = max(before, value) if key.endswith(LARGEST) else value
        self.open_series = dict(later.open_series)
        for key, amount in later.increments.items():
            self._add(key, amount)

    def families(self, totals: Mapping[str, Decimal] | None, *, failed: bool) -> Iterable[Family]:
        """Yield the metric families; of a failed run only `ALWAYS_SHOWN` and the totals."""
        for metric in self._of(Kind.GAUGE):
            if failed and not metric.name.endswith(ALWAYS_SHOWN):
                continue
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.label_names)
            for labels, value in self._samples(metric):
                gauge.add_metric([labels[name] for name in metric.label_names], value)
            if gauge.samples:
                yield gauge
        if totals is None:
            return
        for metric in self._of(Kind.COUNTER):
            name = metric.name.removesuffix("_total")
            counter = CounterMetricFamily(name, metric.help, labels=metric.label_names)
            for labels in metric.label_sets():
                total = totals.get(total_key(metric.name, labels), Decimal(0))
                counter.add_metric(list(labels.values()), float(total))
            yield counter
        for metric in self._of(Kind.HISTOGRAM):
            yield _histogram_family(metric, totals)

    def _samples(self, metric: Metric) -> Iterable[tuple[Mapping[str, str], float]]:
        if metric.is_open:
            shown = [series for series in self.open_series.values() if series.metric is metric]
            shown.sort(key=lambda series: -series.value)
            return [(series.labels, series.value) for series in shown[: metric.most]]
        return [
            (labels, self.gauges[key])
            for labels in metric.label_sets()
            if (key := total_key(metric.name, labels)) in self.gauges
        ]

    def _of(self, kind: Kind) -> list[Metric]:
        return [metric for metric in self._declared.values() if metric.kind is kind]

    def _add(self, key: str, amount: int | float) -> None:
        if amount < 0:
            raise ValueError(f"{key} cannot count {amount}: a total only grows")
        self.increments[key] = self.increments.get(key, 0) + amount

    def _metric(self, name: str, kind: Kind, labels: Mapping[str, str]) -> Metric:
        metric = self._declared.get(name)
        if metric is None or metric.kind is not kind:
            raise UndeclaredMetric(f"{kind.value} {name} is not declared")
        if not metric.allows(labels):
            raise UndeclaredMetric(f"{name} is not declared with labels {dict(labels)}")
        return metric


def _histogram_family(metric: Metric, totals: Mapping[str, Decimal]) -> HistogramMetricFamily:
    family = HistogramMetricFamily(metric.name, metric.help, labels=metric.label_names)
    for labels in metric.label_sets():
        seen, buckets = Decimal(0), []
        for bound in metric.bounds:
            seen += totals.get(total_key(metric.name, {**labels, "le": bound}), Decimal(0))
            buckets.append((bound, float(seen)))
        total = totals.get(total_key(f"{metric.name}_sum", labels), Decimal(0))
        family.add_metric(list(labels.values()), buckets, float(total))
    return family


class _Families:
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = list(families)

    def collect(self) -> Iterable[Family]:
        return iter(self._families)


def exposition(
    numbers: RunNumbers, totals: Mapping[str, Decimal] | None, *, failed: bool
) -> CollectorRegistry:
    """Return a registry of its own for one push; without totals the counters are left out."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(numbers.families(totals, failed=failed)))
    return registry
