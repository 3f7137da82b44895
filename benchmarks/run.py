"""`pumpwatch run` as a new user runs it: wall time, the memory of all its processes together, and
what it detects on several markets and on the labelled pumps."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median

from benchmarks.harness import page_command, recorded

SAMPLE_SECONDS = 1.0
MORE_SEEDS = range(2, 6)


def measure() -> dict[str, float]:
    """Return wall seconds and peak memory of the first seed, and what all of them reported."""
    ended, peaks = threading.Event(), [0]
    sampling = threading.Thread(target=_sample, args=(ended, peaks), daemon=True)
    sampling.start()
    wall, first = page_command("run")
    ended.set()
    sampling.join()
    results = [first, *(page_command("run", "--seed", str(seed))[1] for seed in MORE_SEEDS)]

    def total(name: str) -> float:
        return sum(result[name] for result in results)

    def middle(name: str) -> float:
        return median(value for result in results if (value := result[name]) is not None)

    return {
        "wall_seconds": wall,
        "peak_memory_all_processes_mb": max(peaks) / 1e6,
        "detect_tick_seconds_p50": first["tick_seconds_p50"],
        "detect_tick_requests_p50": first["tick_requests_p50"],
        "scans": first["scans"],
        "detect_delay_market_seconds_p50": middle("detect_delay_p50_seconds"),
        "order_delay_market_seconds_p50": middle("order_delay_p50_seconds"),
        "market_hours": total("ticks") / 60,
        "pumps_planted": total("events_planted"),
        "pumps_detected": total("events_detected"),
        "announced_planted": total("announced_planted"),
        "announced_detected": total("announced_detected"),
        "false_alarms": total("false_events"),
        **_moments(),
        **_replayed(),
    }


def _moments() -> dict[str, float]:
    """Return when a person sees the first line and the first signal, in wall seconds."""
    moments: dict[str, float] = {}
    begin = time.perf_counter()
    command = [sys.executable, "-m", "pumpwatch_workbench", "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            what = "first_signal_seconds" if "  signal  " in line else "first_line_seconds"
            moments.setdefault(what, time.perf_counter() - begin)
    return moments


def _replayed() -> dict[str, float]:
    """Return what is found of the labelled pumps; the model was trained on them."""
    if not (folder := recorded("PUMPWATCH_PUMP_EVENTS")):
        return {}
    seconds, result = page_command("run", "--replay", folder)
    return {
        "replay_wall_seconds": seconds,
        "replay_pumps_labelled": result["events_planted"],
        "replay_pumps_detected": result["events_detected"],
        "replay_false_alarms": result["false_events"],
        "replay_detect_delay_market_seconds_p50": result["detect_delay_p50_seconds"],
        "replay_seconds_without_a_stop_max": result["positions_without_stop_seconds_max"],
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
