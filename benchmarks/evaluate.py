"""How long `pumpwatch evaluate` takes on all labelled pumps, as a whole process."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPEATS = 3


def measure() -> dict[str, float]:
    """Return the seconds of the command and its scores; nothing where the data is absent."""
    folder = os.environ.get("PUMPWATCH_PUMP_EVENTS", "../shared/data/pump-events")
    if not (Path(folder) / "candles.parquet").exists():
        print("evaluate: skipped, set PUMPWATCH_PUMP_EVENTS to the folder of labelled pumps")
        return {}
    figures: dict[str, float] = {}
    for name in ("boosted", "ewma"):
        runs = [_run(folder, name) for _ in range(REPEATS)]
        figures[f"{name}_seconds_p50"] = statistics.median(seconds for seconds, _ in runs)
        for score in ("f1", "recall", "false_alarms_per_symbol_day", "delay_p50_seconds"):
            figures[f"{name}_{score}"] = runs[0][1][score]
    return figures


def _run(folder: str, name: str) -> tuple[float, dict[str, float]]:
    with tempfile.TemporaryDirectory() as place:
        command = [
            sys.executable,
            "-m",
            "pumpwatch_workbench",
            "evaluate",
            folder,
            "--detector",
            name,
        ]
        command += ["--json", "--report", str(Path(place) / "report.html")]
        begin = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return time.perf_counter() - begin, json.loads(done.stdout)
