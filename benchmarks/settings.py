"""Time a thousand settings of a backtest: in processes, searched, and one by one."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path

import optuna

from benchmarks.backtest_market import block_of
from benchmarks.harness import timed
from pumpwatch_workbench.processes import keep_freed_memory
from pumpwatch_workbench.research.backtest.engine import run_backtest
from pumpwatch_workbench.research.tune.engines import opened
from pumpwatch_workbench.research.tune.objective import Task
from pumpwatch_workbench.research.tune.pool import SignalPool
from pumpwatch_workbench.research.tune.search import search, storage_at
from pumpwatch_workbench.research.tune.space import SearchSpace, space_for
from pumpwatch_workbench.research.tune.splits import DAY, DateRange, Fold

SYMBOLS, DAYS = 20, 30
SETTINGS = 1_000
ALONE = 10


def main() -> dict[str, float]:
    """Return every figure."""
    block = block_of(SYMBOLS, DAYS)
    space = space_for("fade", "ewma")
    whole = DateRange(0, int(block.candles.open_time[-1]) + DAY)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    values = [space.suggest(study.ask()) for _ in range(SETTINGS)]
    begin = time.perf_counter()
    pool = SignalPool([block], space.loosest())
    with opened("local", pool, space, workers=2) as engine:
        verdicts = engine.run([Task(chosen, whole) for chosen in values])
    shared = time.perf_counter() - begin
    begin = time.perf_counter()
    for chosen in values[:ALONE]:
        run_backtest([block], space.settings(chosen))
    one_by_one = (time.perf_counter() - begin) / ALONE * SETTINGS
    return {
        "settings": SETTINGS,
        "settings_seconds_2_processes": shared,
        "settings_trades": sum(verdict.trades for verdict in verdicts),
        "settings_baseline_one_by_one_seconds": one_by_one,
        "settings_over_one_by_one_ratio": one_by_one / shared,
        "settings_search_seconds_2_processes": timed(_search, pool, space, whole),
    }


def _search(pool: SignalPool, space: SearchSpace, period: DateRange) -> None:
    """Search with Optuna, as many trials."""
    with (
        tempfile.TemporaryDirectory() as name,
        opened("local", pool, space, workers=2) as engine,
    ):
        search(
            storage_at(Path(name, "study"), {}),
            Fold("bench", period, period),
            space,
            engine,
            objective="t",
            trials=SETTINGS,
            seed=1,
            progress=lambda *_: None,
        )


if __name__ == "__main__":
    keep_freed_memory()
    print(json.dumps(main()))
