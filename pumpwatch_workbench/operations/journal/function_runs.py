"""What the runs of deployed functions took, from Lambda's own log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pumpwatch_workbench.operations.journal.lambda_logs import FunctionLog, Invocation
from pumpwatch_workbench.operations.journal.machine import Machine
from pumpwatch_workbench.operations.journal.spread import Spread, spread_of

INTERVAL_SECONDS = 60.0
"""The schedules of both functions."""
SUCCESS, TIMEOUT = "success", "timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRuns:
    """The runs of one function. Memory in MiB, of the run that left the least; None: not known."""

    function: str
    runs: int
    failed: int
    """Those that timed out included."""
    timed_out: int
    seconds: Spread | None
    """Wall time, at a cold start with the start of the environment."""
    cold_starts: int
    init_seconds: Spread | None
    """What the cold starts took before the run began."""
    memory_mib: float | None
    memory_limit_mib: float | None
    memory_runs: int
    first: int | None
    """Milliseconds UTC, the earliest run that was read."""
    cut: bool
    unreadable: int
    problem: str
    scans_its_minute: bool

    @property
    def time_headroom(self) -> float | None:
        """Return what 95 % of the runs left at least of the minute until the next one.

        None also where the function fills its minute on purpose.
        """
        if self.seconds is None or self.scans_its_minute:
            return None
        return 1 - self.seconds.p95 / INTERVAL_SECONDS

    @property
    def memory_headroom(self) -> float | None:
        """Return the least share of its memory that a run left."""
        if self.memory_mib is None or not self.memory_limit_mib:
            return None
        return 1 - self.memory_mib / self.memory_limit_mib


def function_runs(log: FunctionLog) -> FunctionRuns:
    """Return the figures of a function's log."""
    found = log.invocations
    starts = [one.init_seconds for one in found if one.init_seconds is not None]
    measured = [share for one in found if (share := _memory(one)) is not None]
    fullest = max(measured, key=lambda pair: pair[0] / pair[1], default=(None, None))
    return FunctionRuns(
        function=log.function,
        runs=len(found),
        failed=sum(one.status != SUCCESS for one in found),
        timed_out=sum(one.status == TIMEOUT for one in found),
        seconds=spread_of(one.seconds + (one.init_seconds or 0.0) for one in found),
        cold_starts=len(starts),
        init_seconds=spread_of(starts),
        memory_mib=fullest[0],
        memory_limit_mib=fullest[1],
        memory_runs=len(measured),
        first=found[0].time if found else None,
        cut=log.cut,
        unreadable=log.unreadable,
        problem=log.problem,
        scans_its_minute=log.scans_its_minute,
    )


def machine_of_functions(functions: Sequence[FunctionRuns]) -> Machine | None:
    """Return what the function that leaves less takes, of time and of memory each.

    The functions run side by side: their times do not add up. None where no run is known.
    """
    if not any(one.runs for one in functions):
        return None
    slower = min(
        (one for one in functions if one.time_headroom is not None),
        key=lambda one: one.time_headroom or 0.0,
        default=None,
    )
    fuller = min(
        (one for one in functions if one.memory_headroom is not None),
        key=lambda one: one.memory_headroom or 0.0,
        default=None,
    )
    seconds = {one.function: one.seconds for one in functions}
    return Machine(
        detect_seconds=seconds.get("detect"),
        trade_seconds=seconds.get("trade"),
        cpu_seconds=None,
        tick_seconds=slower.seconds if slower else None,
        interval_seconds=INTERVAL_SECONDS,
        memory_mib=fuller.memory_mib if fuller else None,
        memory_limit_mib=fuller.memory_limit_mib if fuller else None,
        memory_runs=fuller.memory_runs if fuller else 0,
        of_lambda=True,
        time_of=slower.function if slower else "",
        memory_of=fuller.function if fuller else "",
    )


def _memory(one: Invocation) -> tuple[float, float] | None:
    if one.memory_mib is None or one.memory_limit_mib is None:
        return None
    return one.memory_mib, one.memory_limit_mib
