"""A function as Lambda runs it, around some work of a test: lease, metrics, deadline."""

from types import SimpleNamespace

from pumpwatch.bootstrap.function import Function
from pumpwatch.bootstrap.lease import RunLease
from pumpwatch.invocation import Tick
from pumpwatch.metrics.reporter import MetricsReporter

CONTEXT = SimpleNamespace(aws_request_id="request", get_remaining_time_in_millis=lambda: 30_000)


def invoke(job, execution, *, leases, totals, sink, work, describe=lambda report, numbers: None):
    """Let a new instance of a function do `work` under its lease and push; return its report."""
    function = Function(
        job,
        lease=RunLease(leases, job, reserve=5.0),
        reporter=MetricsReporter(job, totals, sink),
        work=lambda tick, deadline, lease: work(),
        describe=describe,
    )
    return function.run(Tick(0, execution), CONTEXT)
