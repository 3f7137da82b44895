"""What a store cannot say, in sentences for the reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pumpwatch_workbench.operations.journal.function_runs import FunctionRuns
from pumpwatch_workbench.operations.journal.period import Period


def not_recorded(
    period: Period, functions: Sequence[FunctionRuns], *, counted: bool, labelled: bool
) -> Iterator[str]:
    """Yield a sentence for each thing asked for that the store does not hold."""
    if not labelled:
        yield "Detection agreement: no pump is labelled; --labels FILE names those that are known."
    if period.runs is None:
        yield from _of_runs(period, functions)
        yield "Alerts raised and delivered: Grafana and Slack keep them."
        yield (
            "Protections that ended more than a day ago, and halts that were lifted: the table"
            " forgets them."
        )
        if period.aws is None:
            yield "AWS's costs: no measurement lies beside this program, docs/costs.md."
    if not counted:
        yield "Requests to the exchange by endpoint: nothing was counted yet."


def _of_runs(period: Period, functions: Sequence[FunctionRuns]) -> Iterator[str]:
    if period.logs is None:
        yield (
            "Latency, CPU and memory of each run: the table keeps no run records; see Prometheus"
            " or CloudWatch."
        )
        return
    yield "CPU time of each run: Lambda does not tell CPU time."
    for one in functions:
        if one.problem:
            yield f"Time and memory of {one.function}'s runs: {one.problem}."
        elif not one.runs:
            yield f"Time and memory of {one.function}'s runs: its log tells of none in this period."
        if one.cut:
            yield f"Earlier runs of {one.function}: only the latest {one.runs:,} were read."
        if one.unreadable:
            yield (
                f"{one.unreadable:,} of the runs of {one.function}: Lambda's report of them has a"
                " form that is not known here."
            )
