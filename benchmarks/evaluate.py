"""`pumpwatch evaluate` on all labelled pumps, and on recorded perpetuals, as whole processes."""

from __future__ import annotations

import statistics

from benchmarks.harness import page_command, recorded

REPEATS = 3
SCORES = ("f1", "recall", "false_alarms_per_symbol_day", "delay_p50_seconds", "delay_p90_seconds")
RATES = ("false_alarms", "symbol_days", "false_alarms_per_symbol_day")


def measure() -> dict[str, float]:
    """Return the seconds of the command and its scores; nothing where the data is absent.

    `boosted` is scored on what it was trained on, except for the perpetuals.
    """
    figures: dict[str, float] = {}
    if folder := recorded("PUMPWATCH_PUMP_EVENTS"):
        for name in ("boosted", "ewma"):
            runs = [page_command("evaluate", folder, "--detector", name) for _ in range(REPEATS)]
            figures[f"{name}_seconds_p50"] = statistics.median(seconds for seconds, _ in runs)
            figures |= {f"{name}_{score}": runs[0][1][score] for score in SCORES}
    if folder := recorded("PUMPWATCH_PERPETUALS"):
        _, answer = page_command("evaluate", folder)
        figures |= {f"perpetuals_boosted_{rate}": answer[rate] for rate in RATES}
    return figures
