"""`pumpwatch run` as a new user runs it: wall time and the memory of all its processes together."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

SAMPLE_SECONDS = 1.0


def measure() -> dict[str, float]:
    """Return wall seconds, peak memory and what the run reported."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pumpwatch_workbench", "run", "--json"]
        begin = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--report", str(Path(folder, "report.html"))],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        memory = _Memory(process.pid)
        output, _ = process.communicate()
        wall = time.perf_counter() - begin
        peak = memory.stop()
    result = json.loads(output)
    return {
        "wall_seconds": wall,
        "peak_memory_all_processes_mb": peak / 1e6,
        "detect_tick_seconds_p50": result["tick_seconds_p50"],
        "detect_tick_requests_p50": result["tick_requests_p50"],
        "detect_delay_market_seconds_p50": result["detect_delay_p50_seconds"],
        "pumps_planted": result["events_planted"],
        "pumps_detected": result["events_detected"],
        "false_alarms": result["false_events"],
    }


class _Memory:
    """Samples the memory of a process and its children; shared pages count once."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> int:
        """Return the peak in bytes."""
        self._ended.set()
        self._thread.join()
        return self._peak

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._peak = max(self._peak, sum(_proportional(pid) for pid in _family(self._pid)))


def _family(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = task.read_text().split()
        except OSError:
            continue
        for child in children:
            found += _family(int(child))
    return found


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    line = next((one for one in text.splitlines() if one.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * 1024
