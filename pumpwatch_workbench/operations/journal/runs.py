"""Resources that runs used and left free: in a desk and in Lambda."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.journal.percentiles import Spread, spread_of

if TYPE_CHECKING:
    from pumpwatch_workbench.operations.journal.lambda_logs import FunctionLog

SUCCESS, TIMEOUT = "success", "timeout"


@dataclass(frozen=True, slots=True)
class Machine:
    """Headroom is the share that stays free: of the time between two ticks, of one core, of the
    memory. None: it cannot be told."""

    detect_seconds: Spread | None
    trade_seconds: Spread | None
    cpu_seconds: Spread | None
    tick_seconds: Spread | None
    """Wall time of both functions together; in Lambda, of the slower one: they run side by side."""
    interval_seconds: float | None
    memory_mib: float | None
    """Most memory of the process; in Lambda, of the function that left the least share."""
    memory_limit_mib: float | None
    memory_runs: int = 0
    of_lambda: bool = False
    """True if this is from Lambda's own log, which has no CPU time."""
    time_of: str = ""
    """The function whose time counts; empty: both together."""
    memory_of: str = ""
    """The function whose memory counts; empty: one process for both."""

    @property
    def time_headroom(self) -> float | None:
        """Return what 95 % of the ticks left at least of the time until the next one."""
        return _headroom(_p95(self.tick_seconds), self.interval_seconds)

    @property
    def cpu_headroom(self) -> float | None:
        """Return what 95 % of the ticks left at least of one core, until the next tick."""
        return _headroom(_p95(self.cpu_seconds), self.interval_seconds)

    @property
    def memory_headroom(self) -> float | None:
        """Return what the largest use left of the memory."""
        return _headroom(self.memory_mib, self.memory_limit_mib)


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRuns:
    """The runs of one function. Memory in MiB, of the run that left the least; None: not known."""

    function: str
    runs: int
    failed: int
    """Timed out ones included."""
    timed_out: int
    seconds: Spread | None
    """Wall time, at a cold start with the start of the environment."""
    cold_starts: int
    init_seconds: Spread | None
    """Time that the cold starts took before the run began."""
    memory_mib: float | None
    memory_limit_mib: float | None
    memory_runs: int
    first: int | None
    """Milliseconds UTC, the earliest run that was read."""
    cut: bool
    unreadable: int
    problem: str
    interval_seconds: float

    @property
    def time_headroom(self) -> float | None:
        """Return what 95 % of the runs left at least of the time until the next one."""
        return _headroom(_p95(self.seconds), self.interval_seconds)

    @property
    def memory_headroom(self) -> float | None:
        """Return the least share of its memory that a run left."""
        return _headroom(self.memory_mib, self.memory_limit_mib)


def machine_of(runs: Sequence[RunRecord], memory_limit_mib: float | None) -> Machine:
    """Return what the runs of a desk took."""
    gaps = [
        (later.time - earlier.time) / 1000
        for earlier, later in pairwise(runs)
        if later.time > earlier.time
    ]
    memory = [run.memory_mib for run in runs if run.memory_mib is not None]
    return Machine(
        detect_seconds=spread_of(run.detect_seconds for run in runs),
        trade_seconds=spread_of(run.trade_seconds for run in runs),
        cpu_seconds=spread_of(run.cpu_seconds for run in runs),
        tick_seconds=spread_of(_both(run) for run in runs),
        interval_seconds=median(gaps) if gaps else None,
        memory_mib=max(memory, default=None),
        memory_limit_mib=memory_limit_mib,
        memory_runs=len(memory),
    )


def function_runs(log: FunctionLog) -> FunctionRuns:
    """Return the figures of a function's log."""
    runs = log.invocations
    starts = [run.init_seconds for run in runs if run.init_seconds is not None]
    measured = [
        (run.memory_mib, run.memory_limit_mib)
        for run in runs
        if run.memory_mib is not None and run.memory_limit_mib is not None
    ]
    fullest = max(measured, key=lambda pair: pair[0] / pair[1], default=(None, None))
    return FunctionRuns(
        function=log.function,
        runs=len(runs),
        failed=sum(run.status != SUCCESS for run in runs),
        timed_out=sum(run.status == TIMEOUT for run in runs),
        seconds=spread_of(run.seconds + (run.init_seconds or 0.0) for run in runs),
        cold_starts=len(starts),
        init_seconds=spread_of(starts),
        memory_mib=fullest[0],
        memory_limit_mib=fullest[1],
        memory_runs=len(measured),
        first=runs[0].time if runs else None,
        cut=log.cut,
        unreadable=log.unreadable,
        problem=log.problem,
        interval_seconds=log.interval_seconds,
    )


def machine_of_functions(functions: Sequence[FunctionRuns]) -> Machine | None:
    """Return what the function that leaves less takes, of time and of memory each.

    The functions run side by side: their times do not add up. None where no run is known.
    """
    if not any(function.runs for function in functions):
        return None
    timed = [function for function in functions if function.time_headroom is not None]
    weighed = [function for function in functions if function.memory_headroom is not None]
    slower = min(timed, key=lambda function: function.time_headroom or 0.0, default=None)
    fuller = min(weighed, key=lambda function: function.memory_headroom or 0.0, default=None)
    seconds = {function.function: function.seconds for function in functions}
    return Machine(
        detect_seconds=seconds.get("detect"),
        trade_seconds=seconds.get("trade"),
        cpu_seconds=None,
        tick_seconds=slower.seconds if slower else None,
        interval_seconds=slower.interval_seconds if slower else None,
        memory_mib=fuller.memory_mib if fuller else None,
        memory_limit_mib=fuller.memory_limit_mib if fuller else None,
        memory_runs=fuller.memory_runs if fuller else 0,
        of_lambda=True,
        time_of=slower.function if slower else "",
        memory_of=fuller.function if fuller else "",
    )


def _both(run: RunRecord) -> float | None:
    if run.detect_seconds is None or run.trade_seconds is None:
        return None
    return run.detect_seconds + run.trade_seconds


def _p95(spread: Spread | None) -> float | None:
    return None if spread is None else spread.p95


def _headroom(used: float | None, limit: float | None) -> float | None:
    return None if used is None or not limit else 1 - used / limit
