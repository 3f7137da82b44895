"""A function as Lambda runs it, around some work of a test: lease, metrics, deadline."""

from __future__ import annotations

from types import SimpleNamespace

from pumpwatch.bootstrap.function import Function, HeldLease
from pumpwatch.errors import LeaseHeld
from pumpwatch.invocation import Tick
from pumpwatch.metrics.reporter import MetricsReporter

CONTEXT = SimpleNamespace(aws_request_id="request", get_remaining_time_in_millis=lambda: 30_000)


def invoke(job, execution, *, leases, totals, sink, work, describe=lambda report, numbers: None):
    """Let a new instance of a function do `work` under its lease and push; return its report."""
    lease = HeldLease(leases)

    def leased(tick, deadline):
        try:
            lease.release(lease.acquire(job, owner=tick.execution_id, seconds=30))
        except LeaseHeld:
            return None
        return work()

    function = Function(
        job,
        reporter=MetricsReporter(job, totals, sink),
        lease=lease,
        work=leased,
        describe=describe,
    )
    return function.run(Tick(0, execution), CONTEXT)
