"""Shared parts of the benchmarks: times, own processes, a signal."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from pumpwatch.domain.detection.signals import Phase, Signal, signal_id_for

MEGABYTE = 1e6


def timed(work: Callable[..., object], *arguments: object) -> float:
    """Return the wall seconds of a call."""
    begin = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - begin


def command(*arguments: str) -> tuple[float, str]:
    """Run a command of `pumpwatch`; return its wall seconds and what it printed."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pumpwatch_workbench", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return time.perf_counter() - begin, done.stdout


def page_command(*arguments: str) -> tuple[float, dict[str, float]]:
    """Run a command that writes a page; return its wall seconds and its JSON."""
    with tempfile.TemporaryDirectory() as folder:
        page = str(Path(folder, "report.html"))
        seconds, printed = command(*arguments, "--json", "--report", page)
    return seconds, json.loads(printed)


def in_child(module: str, *arguments: str) -> dict[str, float]:
    """Return what a module prints as JSON in a process of its own, whose memory is its own."""
    line = [sys.executable, "-m", module, *arguments]
    figures: dict[str, float] = json.loads(subprocess.check_output(line, text=True))
    return figures


def peak_memory() -> float:
    """Return the most memory this process has had since `forget_peak`, MB."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1e3


def forget_peak() -> None:
    """Begin a new peak with what is allocated now: making the input is not what is measured."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def a_signal(symbol: str, price: float, now: int, phase: Phase = Phase.PEAKED) -> Signal:
    """Return a signal of a pump that rose by a fifth and fell back a little."""
    event_id = f"event-{symbol}-{now}"
    return Signal(
        signal_id=signal_id_for(event_id, phase),
        event_id=event_id,
        symbol=symbol,
        phase=phase,
        time=now,
        price=price,
        base_price=price / 1.17,
        peak_price=price * 1.025,
        strength=60.0,
        jump=0.2,
        detector="ewma",
    )


def recorded(variable: str) -> str:
    """Return the folder of recordings that a variable of the environment names, empty for none."""
    folder = os.environ.get(variable, "")
    if Path(folder, "candles.parquet").exists():
        return folder
    print(f"skipped: set {variable} to the folder of recordings")
    return ""
