"""The reporter, which brings a run's numbers to Prometheus.

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
from pumpwatch.metrics.numbers import RunNumbers, exposition
from pumpwatch.metrics.shown_series import ShownSeries
from pumpwatch.ports import MetricsSink, TotalsStore

logger = logging.getLogger(__name__)

PUSH_SUFFIX = "/push"
"""Marks the second entry of a run in the totals: that its push failed."""


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
        self._clock = clock
        self._uncounted_failures = 0
        self._unkept = ""
        """The shown series that could not be stored: this instance goes on from them."""

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
            numbers.set("last_uncounted_timestamp_seconds", self._clock())
        if self._sink is None or not push:
            return False
        known = self._totals.kept(self._job) if totals is not None else ""
        shown = ShownSeries(self._job, self._unkept or known)
        if not failed:
            shown.carry_over(numbers, self._clock())
        # Without totals only the gauges are replaced: a PUT would take the counters away.
        partial = failed or totals is None
        registry = exposition(numbers, totals, failed=failed)
        accepted = self._sink.push(self._job, registry, failed=partial)
        if not accepted:
            self._count_failure(run_id)
        elif not failed:
            shown.accepted(self._clock())
        self._unkept = shown.text()
        if totals is not None:
            self._keep(known)
        return accepted

    def _keep(self, known: str) -> None:
        try:
            if self._unkept != known:
                self._totals.keep(self._job, self._unkept)
        except PumpwatchError as error:
            logger.warning("shown series were not kept", extra={"reason": str(error)})
        else:
            self._unkept = ""

    def _count_failure(self, run_id: str) -> None:
        """Add a failed push to the totals now; what cannot be added waits for the next run."""
        late = RunNumbers(self._job)
        late.count("push_failures")
        if self._add(f"{run_id}{PUSH_SUFFIX}", late) is None:
            self._uncounted_failures += 1

    def _add(self, run_id: str, numbers: RunNumbers) -> Mapping[str, Decimal] | None:
        increments = {key: amount for key, amount in numbers.increments.items() if amount}
        equity = numbers.gauges.get(f"{self._job}_equity_usdt")
        try:
            return self._totals.add(self._job, run_id, increments, equity)
        except PumpwatchError as error:
            logger.warning("totals were not added", extra={"reason": str(error)})
            return None
