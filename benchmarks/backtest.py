"""Backtests: from arrays to closed trades, many settings, and a whole market from Parquet.

Each measurement runs in a process of its own, so that its memory is its own. Baselines are measured
in the same run: plain numpy with floats that knows nothing of accounts, and the slow loop.
"""

from __future__ import annotations

import gc
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from pumpwatch_workbench.processes import keep_freed_memory

SYMBOLS, DAYS = 20, 30
MARKET_SYMBOLS = 600
REPEATS = 5
SETTINGS = 1_000
ALONE = 10
SLOW_SYMBOLS, SLOW_DAYS = 2, 3


def measure() -> dict[str, float]:
    """Return every figure."""
    figures = {**_child("arrays"), **_child("settings")}
    with tempfile.TemporaryDirectory() as name:
        for days in (DAYS, 2 * DAYS):
            folder = str(Path(name, str(days)))
            _child("write", folder, str(days))
            found = _child("stream", folder)
            figures |= {f"market_{days}_days_{key}": value for key, value in found.items()}
    one, two = (f"market_{days}_days_seconds" for days in (DAYS, 2 * DAYS))
    figures["market_twice_the_days_ratio"] = figures[two] / figures[one]
    return figures


def arrays() -> dict[str, float]:
    """Return how fast and how large one backtest over arrays is, and its baselines."""
    from benchmarks.backtest_market import block_of  # noqa: PLC0415
    from benchmarks.reference import reference_trades  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.engine import run_backtest  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.settings import read_settings  # noqa: PLC0415

    settings = read_settings({}, detector="ewma")
    imports = _peak()
    begin = time.perf_counter()
    block = block_of(SYMBOLS, DAYS)
    made = time.perf_counter() - begin
    _forget_peak()
    outcome = run_backtest([block], settings)
    above = _peak() - imports
    # In turns, so that a machine whose speed changes changes it for both.
    runs, plain = [], []
    for _ in range(REPEATS):
        runs.append(_timed(lambda: run_backtest([block], settings)))
        plain.append(_timed(lambda: plain_numpy(block)))
    candles = outcome.coverage.candles
    small = block_of(SLOW_SYMBOLS, SLOW_DAYS)
    slow = _timed(lambda: reference_trades([small], settings))
    slow_speed = SLOW_SYMBOLS * SLOW_DAYS * 1440 / slow
    seconds, numpy_seconds = statistics.median(runs), statistics.median(plain)
    return {
        "arrays_candles": candles,
        "arrays_closed_trades": len(outcome.trades),
        "arrays_seconds": seconds,
        "arrays_candles_per_second": candles / seconds,
        "arrays_candles_per_second_best": candles / min(runs),
        "arrays_memory_above_imports_mb": above,
        "arrays_imports_mb": imports,
        "arrays_making_the_market_seconds": made,
        "arrays_baseline_plain_numpy_seconds": numpy_seconds,
        "arrays_over_plain_numpy_ratio": seconds / numpy_seconds,
        "arrays_baseline_slow_loop_candles_per_second": slow_speed,
        "arrays_over_slow_loop_ratio": candles / seconds / slow_speed,
    }


def plain_numpy(block: object) -> int:
    """Return how many alarms a plain numpy script finds and walks to an exit with floats.

    The same EWMA rule over whole arrays, then stop, target and time limit by `argmax`; no events,
    sizing, limits, protections, partial fills or funding.
    """
    candles = block.candles  # type: ignore[attr-defined]
    alpha, size = 2 / 1441, 1440
    turnover = candles.turnover
    keep = (1 - alpha) ** np.arange(1, size + 1)

    def leaky(inputs: np.ndarray, first: np.ndarray) -> np.ndarray:
        total = np.empty_like(inputs)
        for begin in range(0, inputs.shape[1], size):
            part = inputs[:, begin : begin + size]
            powers = keep[: part.shape[1]]
            total[:, begin : begin + size] = powers * (first[:, None] + (part / powers).cumsum(1))
            first = total[:, begin + part.shape[1] - 1]
        return total

    def shifted(values: np.ndarray, first: np.ndarray) -> np.ndarray:
        return np.concatenate([first[:, None], values[:, :-1]], axis=1)

    mean = leaky(alpha * turnover, turnover[:, 0])
    distance = turnover - shifted(mean, turnover[:, 0])
    variance = leaky(alpha * distance**2, np.zeros(len(turnover)))
    score = distance / np.sqrt(shifted(variance, np.zeros(len(turnover))) + 0.01)
    jump = candles.high / shifted(candles.close, candles.open[:, 0]) - 1
    alarm = (score > 48) & (jump > 0.07)
    alarm[:, :1440] = False
    trades = 0
    for row, column in zip(*np.nonzero(alarm), strict=True):
        part = slice(column + 1, column + 31)
        base, peak = candles.close[row, column - 1], candles.high[row, column]
        stop = candles.high[row, part] >= peak * 1.03
        target = candles.low[row, part] <= peak - 0.8 * (peak - base)
        trades += bool(stop.any() or target.any() or len(stop))
    return trades


def many_settings() -> dict[str, float]:
    """Return how long a thousand settings take: in processes, searched, and one by one."""
    from benchmarks.backtest_market import block_of  # noqa: PLC0415
    from pumpwatch.domain.moments import DAY  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.engine import run_backtest  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.engines import opened  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.objective import Task  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.pool import SignalPool  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.space import space_for  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.splits import Period  # noqa: PLC0415

    block = block_of(SYMBOLS, DAYS)
    space = space_for("fade", "ewma")
    whole = Period(0, int(block.candles.open_time[-1]) + DAY)
    values = [space.suggest(_Random(number)) for number in range(SETTINGS)]
    begin = time.perf_counter()
    pool = SignalPool([block], space.loosest())
    with opened("local", pool, space, workers=2) as engine:
        verdicts = engine.run([Task(one, whole) for one in values])
    shared = time.perf_counter() - begin
    alone = _timed(lambda: [run_backtest([block], space.settings(one)) for one in values[:ALONE]])
    figures = {
        "settings": SETTINGS,
        "settings_seconds_2_processes": shared,
        "settings_trades": sum(one.trades for one in verdicts),
        "settings_baseline_one_by_one_seconds": alone / ALONE * SETTINGS,
        "settings_over_one_by_one_ratio": alone / ALONE * SETTINGS / shared,
    }
    return figures | {"settings_search_seconds_2_processes": _searched(pool, space, whole)}


def _searched(pool: object, space: object, period: object) -> float:
    """Return how long Optuna's search over as many trials takes, choosing them included."""
    from pumpwatch_workbench.research.tune.engines import opened  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.search import search, storage_at  # noqa: PLC0415
    from pumpwatch_workbench.research.tune.splits import Fold  # noqa: PLC0415

    begin = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as name,
        opened("local", pool, space, workers=2) as engine,  # type: ignore[arg-type]
    ):
        search(
            storage_at(Path(name, "study"), {}),
            Fold("bench", period, period),  # type: ignore[arg-type]
            space,  # type: ignore[arg-type]
            engine,
            objective="t",
            trials=SETTINGS,
            seed=1,
            progress=lambda *_: None,
        )
    return time.perf_counter() - begin


class _Random:
    """Answers a search space as a trial of Optuna does, at random."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """Return a number between the bounds."""
        if log:
            return float(np.exp(self._random.uniform(np.log(low), np.log(high))))
        return float(self._random.uniform(low, high))

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """Return a whole number between the bounds."""
        return int(self._random.integers(low, high + 1))

    def suggest_categorical(self, name: str, choices: tuple[str, ...]) -> str:
        """Return one of the choices."""
        return choices[int(self._random.integers(len(choices)))]


def stream(folder: str) -> dict[str, float]:
    """Return what a whole market, read from Parquet, takes."""
    from pumpwatch_workbench.research.backtest.engine import run_backtest  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.recordings import Recordings  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.settings import read_settings  # noqa: PLC0415

    settings = read_settings({}, detector="ewma")
    begin, busy = time.perf_counter(), time.process_time()
    loading = _timed(lambda: sum(1 for _ in Recordings(Path(folder)).blocks()))
    read = time.process_time() - busy
    begin, busy = time.perf_counter(), time.process_time()
    outcome = run_backtest(Recordings(Path(folder)).blocks(), settings)
    return {
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - busy,
        "loading_alone_seconds": loading,
        "loading_alone_cpu_seconds": read,
        "candles": outcome.coverage.candles,
        "closed_trades": len(outcome.trades),
        "peak_memory_mb": _peak(),
    }


def write(folder: str, days: str) -> dict[str, float]:
    """Write a market of Parquet."""
    from benchmarks.backtest_market import write_market  # noqa: PLC0415

    write_market(Path(folder), MARKET_SYMBOLS, int(days))
    return {}


def _timed(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _peak() -> float:
    """Return the most memory this process has had since `_forget_peak`, MB."""
    status = Path("/proc/self/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmHWM:"))
    return int(line.split()[1]) / 1e3


def _forget_peak() -> None:
    """Begin a new peak with what is held now: making the market is not what is measured."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def _child(*arguments: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.backtest", *arguments]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(found.stdout)


WORK: dict[str, Callable[..., dict[str, float]]] = {
    "arrays": arrays,
    "settings": many_settings,
    "stream": stream,
    "write": write,
}

if __name__ == "__main__":
    keep_freed_memory()
    print(json.dumps(WORK[sys.argv[1]](*sys.argv[2:])))
