"""What runs took of the machine, and how much they left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.journal.spread import Spread, spread_of


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
    """Usual time between two ticks."""
    memory_mib: float | None
    """Most memory that the process held; in Lambda, of the function that left the least share."""
    memory_limit_mib: float | None
    memory_runs: int = 0
    """Of how many runs the memory is known."""
    of_lambda: bool = False
    """From Lambda's own log, which tells no CPU time."""
    time_of: str = ""
    """The function whose time counts; empty: both together."""
    memory_of: str = ""
    """The function whose memory counts; empty: one process holds both."""

    @property
    def time_headroom(self) -> float | None:
        """Return what 95 % of the ticks left at least of the time until the next one."""
        return _headroom(self.tick_seconds, self.interval_seconds)

    @property
    def cpu_headroom(self) -> float | None:
        """Return what 95 % of the ticks left at least of one core, until the next tick."""
        return _headroom(self.cpu_seconds, self.interval_seconds)

    @property
    def memory_headroom(self) -> float | None:
        """Return what the largest use left of the memory."""
        if self.memory_mib is None or not self.memory_limit_mib:
            return None
        return 1 - self.memory_mib / self.memory_limit_mib


def machine_of(runs: Sequence[RunRecord], memory_limit_mib: float | None) -> Machine:
    """Return what the runs took."""
    gaps = [
        (later.time - earlier.time) / 1000
        for earlier, later in pairwise(runs)
        if later.time > earlier.time
    ]
    memory = [one.memory_mib for one in runs if one.memory_mib is not None]
    return Machine(
        detect_seconds=spread_of(one.detect_seconds for one in runs),
        trade_seconds=spread_of(one.trade_seconds for one in runs),
        cpu_seconds=spread_of(one.cpu_seconds for one in runs),
        tick_seconds=spread_of(_both(one) for one in runs),
        interval_seconds=median(gaps) if gaps else None,
        memory_mib=max(memory, default=None),
        memory_limit_mib=memory_limit_mib,
        memory_runs=len(memory),
    )


def _both(run: RunRecord) -> float | None:
    if run.detect_seconds is None or run.trade_seconds is None:
        return None
    return run.detect_seconds + run.trade_seconds


def _headroom(spread: Spread | None, interval: float | None) -> float | None:
    return None if spread is None or not interval else 1 - spread.p95 / interval
