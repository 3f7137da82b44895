"""`pumpwatch run` as a new user runs it: wall time and the memory of all its processes together."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from benchmarks.harness import page_command

SAMPLE_SECONDS = 1.0


def measure() -> dict[str, float]:
    """Return wall seconds, peak memory and what the run reported."""
    ended, peaks = threading.Event(), [0]
    sampling = threading.Thread(target=_sample, args=(ended, peaks), daemon=True)
    sampling.start()
    wall, result = page_command("run")
    ended.set()
    sampling.join()
    return {
        "wall_seconds": wall,
        "peak_memory_all_processes_mb": max(peaks) / 1e6,
        "detect_tick_seconds_p50": result["tick_seconds_p50"],
        "detect_tick_requests_p50": result["tick_requests_p50"],
        "detect_delay_market_seconds_p50": result["detect_delay_p50_seconds"],
        "pumps_planted": result["events_planted"],
        "pumps_detected": result["events_detected"],
        "false_alarms": result["false_events"],
    }


def _sample(ended: threading.Event, peaks: list[int]) -> None:
    """Note the memory of this process's children; pages that they share count once."""
    while not ended.wait(SAMPLE_SECONDS):
        peaks.append(sum(map(_proportional, _descendants(os.getpid()))))


def _descendants(pid: int) -> list[int]:
    pids = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except OSError:  # it has ended
            continue
        for child in children:
            pids += [child, *_descendants(child)]
    return pids


def _proportional(pid: int) -> int:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:  # it has ended
        return 0
    line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0 kB")
    return int(line.split()[1]) * 1024
