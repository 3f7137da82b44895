"""Measure the areas named on the command line (all by default) and merge them into results.json."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import (
    backtest,
    campaign,
    care,
    dashboard,
    desk,
    detector,
    evaluate,
    importing,
    lambda_functions,
    report,
    run,
    scan,
    screen,
    tick,
    trade,
    training,
)

AREAS: dict[str, Callable[[], dict[str, float]]] = {
    "detector": detector.measure,
    "evaluate": evaluate.measure,
    "training": training.measure,
    "scan": scan.measure,
    "screen": screen.measure,
    "detect_tick": tick.measure,
    "lambda": lambda_functions.measure,
    "trade": trade.measure,
    "care": care.measure,
    "campaign": campaign.measure,
    "dashboard": dashboard.measure,
    "desk": desk.measure,
    "report": report.measure,
    "run": run.measure,
    "backtest": backtest.measure,
    "import": importing.measure,
}
RESULTS = Path(__file__).with_name("results.json")


def main(names: list[str]) -> int:
    """Measure and report; return 2 for an unknown area."""
    unknown = [name for name in names if name not in AREAS]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(AREAS)}")
        return 2
    measured = {}
    for name in names or list(AREAS):
        measured[name] = AREAS[name]()
        _show(name, measured[name])
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    results |= measured
    results["machine"] = {
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    RESULTS.write_text(json.dumps(results, indent=2, sort_keys=True) + "\n")
    return 0


def _show(name: str, figures: dict[str, float]) -> None:
    table = Table(title=name)
    table.add_column("metric")
    table.add_column("value", justify="right")
    for metric, value in figures.items():
        table.add_row(metric, f"{value:,.4g}")
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
