"""The further runs of an invocation: they close what may be held for some seconds only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

from pumpwatch.invocation import Tick
from pumpwatch.ports import Deadline
from pumpwatch.usecases.trade.report import TradeReport

PAUSE = 3.0
"""Longest time between two runs, seconds: a signal whose wake-up waits for this invocation to end
is seen by then."""
LEAST_SECONDS = 8.0
"""Time that a run with an exit needs: the lease, one request at its slowest, the metrics."""


def runs(
    run: Callable[[Tick, Deadline], TradeReport | None],
    tick: Tick,
    deadline: Deadline,
    *,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[TradeReport | None]:
    """Run, and again until the short time limits are over; yield each run's report.

    Each run takes the lease anew: in the pauses it is free for the runs of others. What this
    invocation has no time left for is left to the next one: an exit, and the entry of a signal,
    whose wake-up comes as soon as this one ends.
    """
    again, left = tick, None
    for number in count(1):
        report = run(again, deadline)
        yield report
        if report is not None:
            left = None if report.problems_by_cause["time"] else report.next_exit_seconds
        # Else the lease is busy: the other run may have looked before the limit was over.
        if left is None or deadline.seconds_left() < min(left, PAUSE) + LEAST_SECONDS:
            return
        wait(min(left, PAUSE))
        name = f"{tick.execution_id}+{number}"
        again = replace(tick, execution_id=name, signal_ids=(), bad_records=0)
