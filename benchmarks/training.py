"""The rule `boosted` in nested folds over the labelled pumps, and what training it takes."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.harness import command, recorded

DIVISIONS = 3
FIGURES = ("f1", "f1_low", "f1_high", "false_alarms_per_symbol_day", "delay_p50_seconds",
           "delay_p90_seconds")  # fmt: skip


def measure() -> dict[str, float]:
    """Return the divisions' means, and wall seconds; nothing where the data is absent."""
    folder = recorded("PUMPWATCH_PUMP_EVENTS")
    if not folder:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        out = str(Path(scratch, "model.json"))
        alone, _ = command("train", folder, "--out", out)
        seconds, printed = command(
            "train", folder, "--out", out, "--validate", "--repeats", str(DIVISIONS), "--json"
        )
    answer = json.loads(printed)
    measured = {
        "training_wall_seconds": alone,
        "training_and_validation_wall_seconds": seconds,
        "model_bytes": answer["bytes"],
    }
    by_name = defaultdict(list)
    for name, figures in answer["validation"].items():
        by_name[name.partition(", division")[0]].append(figures)
    for name, divisions in by_name.items():
        prefix = name.replace(", ", "_").replace(" ", "_")
        for figure in FIGURES:
            middle = statistics.mean(division[figure] for division in divisions)
            measured[f"{prefix}_{figure}_mean"] = middle
        measured |= {f"{prefix}_f1_division_{n}": d["f1"] for n, d in enumerate(divisions)}
    return measured
