"""How a run's numbers reach Prometheus.

Every invocation fills a fresh `RunNumbers`; `MetricsReporter` adds its increments to the durable
totals and pushes gauges and totals together. Nothing here can fail a run: it happens after the
state is saved, and every failure ends in the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from decimal import Decimal

from pumpwatch.errors import PumpwatchError
from pumpwatch.ports import MetricsSink, TotalsStore
from pumpwatch.run_numbers import RunNumbers, Series, UndeclaredMetric, exposition

__all__ = ["MetricsReporter", "RunNumbers", "UndeclaredMetric", "exposition"]

logger = logging.getLogger(__name__)

PUSH_SUFFIX = "/push"
"""Marks the second entry of a run in the totals: that its push failed."""
GIVEN_UP_AFTER = 300.0
"""Seconds after which a series that no gateway accepted is old news."""


class _Shown:
    """Keeps a series of an open gauge in the pushes until it was shown for its time.

    A run that was woken between two ticks of the schedule would otherwise take away, after a few
    seconds, what the run before it had to say. It lives as long as the warm function.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._series: dict[str, Series] = {}
        self._since: dict[str, float] = {}
        self._shown: dict[str, float] = {}

    def carry_over(self, numbers: RunNumbers) -> None:
        """Add what must still be shown."""
        now = self._clock()
        for key in [key for key in self._series if key not in numbers.open_series]:
            series = self._series[key]
            shown = self._shown.get(key)
            fresh = now - self._since[key] < GIVEN_UP_AFTER
            if fresh and (shown is None or now - shown < series.metric.hold_seconds):
                numbers.open_series[key] = series
            else:
                for held in (self._series, self._since, self._shown):
                    held.pop(key, None)
        for key, series in numbers.open_series.items():
            self._series[key] = series
            self._since.setdefault(key, now)

    def accepted(self) -> None:
        """Note that all of it was shown."""
        for key in self._series:
            self._shown.setdefault(key, self._clock())


class MetricsReporter:
    """Adds up and pushes the numbers of one function's runs.

    `sink` None: the totals are kept, nothing is pushed. A push that failed is counted at once, so
    that the next good one shows it, whichever instance makes it.
    """

    def __init__(
        self,
        job: str,
        totals: TotalsStore,
        sink: MetricsSink | None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._job = job
        self._totals = totals
        self._sink = sink
        self._uncounted_failures = 0
        self._shown = _Shown(clock)

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
        carried, self._uncounted_failures = self._uncounted_failures, 0
        numbers.count("push_failures", carried)
        totals = self._add(run_id, numbers)
        if totals is None:
            self._uncounted_failures = carried
        if self._sink is None or not push:
            return False
        if not failed:
            self._shown.carry_over(numbers)
        # Without totals only the gauges are replaced: a PUT would take the counters away.
        partial = failed or totals is None
        registry = exposition(numbers, totals, failed=failed)
        accepted = self._sink.push(self._job, registry, failed=partial)
        if not accepted:
            self._count_failure(run_id)
        elif not failed:
            self._shown.accepted()
        return accepted

    def _count_failure(self, run_id: str) -> None:
        """Add a failed push to the totals now; what cannot be added waits for the next run."""
        late = RunNumbers(self._job)
        late.count("push_failures")
        if self._add(f"{run_id}{PUSH_SUFFIX}", late) is None:
            self._uncounted_failures += 1

    def _add(self, run_id: str, numbers: RunNumbers) -> Mapping[str, Decimal] | None:
        increments = {key: amount for key, amount in numbers.increments.items() if amount}
        try:
            return self._totals.add(self._job, run_id, increments)
        except PumpwatchError as error:
            logger.warning("totals were not added", extra={"reason": str(error)})
            return None
