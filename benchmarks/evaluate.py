"""Duration of `pumpwatch evaluate` on all labelled pumps, as a whole process."""

from __future__ import annotations

import os
import statistics
from pathlib import Path

from benchmarks.harness import page_command

REPEATS = 3
SCORES = ("f1", "recall", "false_alarms_per_symbol_day", "delay_p50_seconds")


def measure() -> dict[str, float]:
    """Return the seconds of the command and its scores; nothing where the data is absent."""
    folder = os.environ.get("PUMPWATCH_PUMP_EVENTS", "")
    if not Path(folder, "candles.parquet").exists():
        print("evaluate: skipped, set PUMPWATCH_PUMP_EVENTS to the folder of labelled pumps")
        return {}
    figures: dict[str, float] = {}
    for name in ("boosted", "ewma"):
        runs = [page_command("evaluate", folder, "--detector", name) for _ in range(REPEATS)]
        figures[f"{name}_seconds_p50"] = statistics.median(seconds for seconds, _ in runs)
        figures |= {f"{name}_{score}": runs[0][1][score] for score in SCORES}
    return figures
