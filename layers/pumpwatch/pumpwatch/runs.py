"""A run's numbers and how they reach Prometheus.

Every invocation fills a fresh `RunNumbers`; `MetricsReporter` adds its increments to the durable
totals and pushes gauges and totals together. Nothing here can fail a run: it happens after the
state is saved, and every failure ends in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from decimal import Decimal

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric as Family

from pumpwatch.errors import PumpwatchError
from pumpwatch.metrics import METRICS, Kind, Metric, total_key
from pumpwatch.ports import MetricsSink, TotalsStore

__all__ = ["MetricsReporter", "RunNumbers", "UndeclaredMetric", "exposition"]

logger = logging.getLogger(__name__)

FAILURE_GAUGE = "last_failure_timestamp_seconds"

Number = int | float | Decimal


class UndeclaredMetric(PumpwatchError):
    """Declare the metric, its type or its label value in `metrics.py`: it is the only list."""


class RunNumbers:
    """What one run measured. Only what `metrics.py` declares for the job can be set or counted."""

    def __init__(self, job: str) -> None:
        self.job = job
        self._declared = {metric.name: metric for metric in METRICS if metric.job == job}
        if not self._declared:
            raise UndeclaredMetric(f"no metric is declared for job {job}")
        self.gauges: dict[str, float] = {}
        """By the key that `total_key` gives."""
        self.increments: dict[str, int | float] = {
            total_key(metric.name, labels): 0
            for metric in self._of(Kind.COUNTER)
            for labels in metric.label_sets()
        }

    def set(self, name: str, value: Number | None, **labels: str) -> None:
        """Set a gauge, named without its job; None leaves it out."""
        key = self._key(f"{self.job}_{name}", Kind.GAUGE, labels)
        if value is not None:
            self.gauges[key] = float(value)

    def count(self, name: str, amount: int | float = 1, **labels: str) -> None:
        """Add to a counter, named without its job and without `_total`."""
        key = self._key(f"{self.job}_{name}_total", Kind.COUNTER, labels)
        if amount < 0:
            raise ValueError(f"{key} cannot count {amount}: a counter only grows")
        self.increments[key] += amount

    def families(self, totals: Mapping[str, Decimal] | None, *, failed: bool) -> Iterable[Family]:
        """Yield the metric families; of a failed run only the failure gauge and the counters."""
        for metric in self._of(Kind.GAUGE):
            if failed and not metric.name.endswith(FAILURE_GAUGE):
                continue
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.label_names)
            for labels in metric.label_sets():
                key = total_key(metric.name, labels)
                if key in self.gauges:
                    gauge.add_metric(list(labels.values()), self.gauges[key])
            if gauge.samples:
                yield gauge
        for metric in self._of(Kind.COUNTER) if totals is not None else ():
            name = metric.name.removesuffix("_total")
            counter = CounterMetricFamily(name, metric.help, labels=metric.label_names)
            for labels in metric.label_sets():
                total = (totals or {}).get(total_key(metric.name, labels), Decimal(0))
                counter.add_metric(list(labels.values()), float(total))
            yield counter

    def _of(self, kind: Kind) -> list[Metric]:
        return [metric for metric in self._declared.values() if metric.kind is kind]

    def _key(self, name: str, kind: Kind, labels: Mapping[str, str]) -> str:
        metric = self._declared.get(name)
        if metric is None or metric.kind is not kind:
            raise UndeclaredMetric(f"{kind.value} {name} is not declared")
        if labels not in list(metric.label_sets()):
            raise UndeclaredMetric(f"{name} is not declared with labels {dict(labels)}")
        return total_key(name, labels)


class _Families:
    """A collector that gives what it was given."""

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


class MetricsReporter:
    """Adds up and pushes the numbers of one function's runs.

    `sink` None: the totals are kept, nothing is pushed. A push that failed is counted with the
    next run's increments.
    """

    def __init__(self, job: str, totals: TotalsStore, sink: MetricsSink | None) -> None:
        self._job = job
        self._totals = totals
        self._sink = sink
        self._failed_pushes = 0

    def report(
        self, numbers: RunNumbers, run_id: str, *, failed: bool = False, push: bool = True
    ) -> bool:
        """Add the increments and push; return whether the push was accepted. Never raises.

        Call it under the function's lease: of two runs at once the slower one would push totals
        that are older than those already there.
        """
        try:
            return self._report(numbers, run_id, failed=failed, push=push)
        except Exception:  # metrics never fail a run, whatever is wrong with them
            logger.exception("metrics were not reported")
            return False

    def _report(self, numbers: RunNumbers, run_id: str, *, failed: bool, push: bool) -> bool:
        carried, self._failed_pushes = self._failed_pushes, 0
        numbers.count("push_failures", carried)
        totals: Mapping[str, Decimal] | None = None
        try:
            increments = {key: amount for key, amount in numbers.increments.items() if amount}
            totals = self._totals.add(self._job, run_id, increments)
        except PumpwatchError as error:
            self._failed_pushes = carried
            logger.warning("totals were not added", extra={"reason": str(error)})
        if self._sink is None or not push:
            return False
        # Without totals only the gauges are replaced: a PUT would take the counters away.
        partial = failed or totals is None
        registry = exposition(numbers, totals, failed=failed)
        accepted = self._sink.push(self._job, registry, failed=partial)
        self._failed_pushes += not accepted
        return accepted
