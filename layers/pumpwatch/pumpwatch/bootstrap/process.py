"""The process in which a function runs: what Lambda and Linux tell it about itself.

Lambda keeps a process for many runs; between two of them it uses no CPU time. On other systems
than Linux its memory and its start are not known and not shown.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from pumpwatch.metrics.numbers import RunNumbers

MEBIBYTE, KIBIBYTE = 1_048_576, 1024
KERNEL = Path("/proc/self")
"""What the kernel tells: `stat` and `status`. `ru_maxrss` would count the parent's memory too."""
STARTED = 19
"""Field of `stat` behind the program's name: clock ticks from the machine's start to ours."""
PEAK = re.compile(r"VmHWM:\s*(\d+) kB")


class FunctionProcess:
    """Make it when the function is put together: the time until then is its start-up."""

    def __init__(
        self, environment: Mapping[str, str] = MappingProxyType({}), kernel: Path = KERNEL
    ) -> None:
        memory = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.memory_limit_bytes = int(memory) * MEBIBYTE if memory else None
        self._status = kernel / "status"
        self.init_seconds = _age(kernel / "stat")
        self._cold_starts = 1

    def run(self) -> Callable[[RunNumbers], None]:
        """Return what fills in the duration, CPU and memory of a run that begins now."""
        started, cpu = time.perf_counter(), time.process_time()

        def measure(numbers: RunNumbers) -> None:
            numbers.set("duration_seconds", time.perf_counter() - started)
            numbers.set("cpu_seconds", time.process_time() - cpu)
            numbers.set("memory_peak_bytes", _peak(self._status))
            numbers.set("memory_limit_bytes", self.memory_limit_bytes)
            numbers.set("init_seconds", self.init_seconds)

        return measure

    def count_cold_start(self, numbers: RunNumbers) -> None:
        """Count the process itself, with its first run."""
        numbers.count("cold_starts", self._cold_starts)
        self._cold_starts = 0


def _age(stat: Path) -> float | None:
    if not stat.exists():
        return None
    ticks = int(stat.read_text().rpartition(")")[2].split()[STARTED])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")


def _peak(status: Path) -> int | None:
    peak = PEAK.search(status.read_text()) if status.exists() else None
    return int(peak[1]) * KIBIBYTE if peak else None
