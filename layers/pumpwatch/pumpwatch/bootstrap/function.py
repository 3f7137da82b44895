"""The frame of both functions around their use case: lease, deadline, metrics."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Generic, TypeVar

from pumpwatch.adapters.embedded_metrics import WatchedSink
from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.credentials import PushCredentials
from pumpwatch.domain.lease import Lease
from pumpwatch.errors import BadEvent
from pumpwatch.invocation import Tick
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.ports import Deadline, MetricsSink, Secrets
from pumpwatch.settings.shared import SharedSettings

from .lease import RunLease
from .probe import Check, run_checks
from .process import FunctionProcess

logger = logging.getLogger(__name__)

Report = TypeVar("Report")


@dataclass(eq=False)
class Function(Generic[Report]):
    """One warm function: takes its lease, runs its use case, reports what came of it.

    `begin` is called before the lease is taken; `work` does a tick's work under it and returns its
    report, None when there is nothing to do; `when_busy` is what a run of the schedule does while
    another one has the lease; `describe` fills in what the report says, `describe_always` what is
    counted of failed runs too; `is_news` says whether a single scan is reported at once,
    `has_failed` that a run counts as failed though it did its work; `checks` find out what can be
    reached; `process` measures what runs use.
    """

    job: str
    _: KW_ONLY
    lease: RunLease
    reporter: MetricsReporter
    work: Callable[[Tick, Deadline, Lease], Report | None]
    describe: Callable[[Report, RunNumbers], None]
    describe_always: Callable[[RunNumbers], None] = lambda numbers: None
    begin: Callable[[Tick], None] = lambda tick: None
    when_busy: Callable[[Deadline], None] = lambda deadline: None
    is_news: Callable[[Report], bool] = lambda report: True
    has_failed: Callable[[Report], bool] = lambda report: False
    checks: Mapping[str, Check] = field(default_factory=dict)
    process: FunctionProcess = field(default_factory=FunctionProcess)
    _waiting: RunNumbers = field(init=False)
    """The numbers of single scans, until the next report takes them along."""

    def __post_init__(self) -> None:
        self._waiting = RunNumbers(self.job)

    def run(self, tick: Tick, deadline: Deadline) -> Report | None:
        """Do one tick's work and push its metrics; return None when nothing was done.

        That is so when another run has the lease: a single scan does not wait for it. Metrics are
        pushed while the lease is held: totals are added and pushed by one run at a time. Whatever
        the use case raises is counted, pushed and raised again.
        """
        measure = self.process.run()
        self.begin(tick)
        with ExitStack() as stack:
            try:
                lease = stack.enter_context(
                    self.lease.taken(tick.execution_id, deadline, patient=not tick.is_scan)
                )
                report = self.work(tick, deadline, lease) if lease is not None else None
                if lease is None and not tick.is_scan:
                    self.when_busy(deadline)
                idle = "busy" if lease is None else "duplicate"
                failed = report is not None and self.has_failed(report)
                done = "failure" if failed else "success"
                numbers = self._numbers(tick, done if report is not None else idle)
                measure(numbers)
                self._report_success(report, tick, numbers)
            except Exception:
                self._report_failure(tick)
                raise
        return report

    def continue_from(self, before: Function[Report]) -> None:
        """Take over the process and what was not reported yet."""
        self.process, self._waiting = before.process, before._waiting

    def probe(self, deadline: Deadline) -> dict[str, object]:
        """Return what can be reached from here; nothing is traded, stored or counted."""
        logger.info("probed")
        return run_checks(self.job, self.checks, deadline)

    def refuse(self, error: BadEvent, run_id: str) -> dict[str, object]:
        """Count a malformed event and return the answer to it: nothing was done.

        It is answered, not raised: repeating it would not mend it, and a batch of the stream would
        come again and again. The next tick is a minute away.
        """
        logger.error("malformed event", extra={"reason": str(error)})
        self._report_failure(Tick(0, run_id, bad_records=1))
        return {"error": str(error)}

    def _report_success(self, report: Report | None, tick: Tick, numbers: RunNumbers) -> None:
        """Push what a run measured; one that did nothing shows nothing, the holder pushes."""
        if report is not None:
            self._fill_in(partial(self.describe, report), numbers)
        if report is None and not tick.is_scan:
            self.reporter.report(numbers, tick.execution_id, push=False)
            return
        self._waiting.add(numbers)
        if report is not None and (not tick.is_scan or self.is_news(report)):
            waiting, self._waiting = self._waiting, RunNumbers(self.job)
            self.reporter.report(waiting, tick.execution_id)

    def _report_failure(self, tick: Tick) -> None:
        self.reporter.report(self._numbers(tick, "failure"), tick.execution_id, failed=True)

    def _numbers(self, tick: Tick, result: str) -> RunNumbers:
        numbers = RunNumbers(self.job)
        numbers.count("bad_events", tick.bad_records)
        self.process.count_cold_start(numbers)
        if tick.is_scan:
            numbers.count("scans", result=result)
            numbers.count("scans", tick.older_scans, result="late")
        else:
            numbers.count("runs", result=result)
        ended = "failure" if result == "failure" else "success"
        numbers.set(f"last_{ended}_timestamp_seconds", time.time())
        self._fill_in(self.describe_always, numbers)
        return numbers

    def _fill_in(self, describe: Callable[[RunNumbers], None], numbers: RunNumbers) -> None:
        """Fill in what can be described: the work is done, and no number may fail it now."""
        try:
            describe(numbers)
        except Exception:
            logger.exception("the run was not fully described")


def push_sink(settings: SharedSettings, secrets: Secrets | None = None) -> MetricsSink | None:
    """Return where metrics go, None without an address."""
    if not settings.pushgateway_url:
        return None
    gateway = PushgatewaySink(
        settings.pushgateway_url,
        stage=settings.stage,
        timeout_seconds=settings.push_timeout_seconds,
        credentials=_push_credentials(settings, secrets),
    )
    return WatchedSink(gateway, stage=settings.stage)


def _push_credentials(
    settings: SharedSettings, secrets: Secrets | None
) -> Callable[[], PushCredentials | None]:
    if not settings.pushgateway_secret_arn:
        return lambda: None
    if secrets is None:
        # Detect has no other use for the secrets: it loads them only where this one is named.
        from pumpwatch.adapters.secrets_manager import SecretsManagerSecrets  # noqa: PLC0415

        secrets = SecretsManagerSecrets("", settings.pushgateway_secret_arn)
    return secrets.push_credentials
