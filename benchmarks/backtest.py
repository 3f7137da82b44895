"""Backtests: from arrays to closed trades, many settings, and a whole market from Parquet.

Each measurement runs in a process of its own, so that its memory is its own. Baselines are measured
in the same run: plain numpy with floats that knows nothing of accounts, and the slow loop.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.backtest_market import block_of, write_market
from benchmarks.harness import forget_peak, in_child, peak_memory, timed
from benchmarks.reference import reference_trades
from pumpwatch.domain.market.candles import FloatArray
from pumpwatch_workbench.processes import keep_freed_memory
from pumpwatch_workbench.research.backtest.engine import run_backtest
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.backtest.settings import read_settings

SYMBOLS, DAYS = 20, 30
MARKET_SYMBOLS = 600
REPEATS = 5
SLOW_SYMBOLS, SLOW_DAYS = 2, 3


def measure() -> dict[str, float]:
    """Return every figure."""
    figures = {**in_child("benchmarks.backtest", "arrays"), **in_child("benchmarks.settings")}
    with tempfile.TemporaryDirectory() as name:
        for days in (DAYS, 2 * DAYS):
            folder = str(Path(name, str(days)))
            in_child("benchmarks.backtest", "write", folder, str(days))
            streamed = in_child("benchmarks.backtest", "stream", folder)
            figures |= {f"market_{days}_days_{key}": value for key, value in streamed.items()}
    once, twice = (figures[f"market_{days}_days_seconds"] for days in (DAYS, 2 * DAYS))
    return figures | {"market_twice_the_days_ratio": twice / once}


def arrays() -> dict[str, float]:
    """Return how fast and how large one backtest over arrays is, and its baselines."""
    settings = read_settings({}, detector="ewma")
    imports = peak_memory()
    begin = time.perf_counter()
    block = block_of(SYMBOLS, DAYS)
    made = time.perf_counter() - begin
    forget_peak()
    outcome = run_backtest([block], settings)
    above = peak_memory() - imports
    # In turns, so that a machine whose speed changes changes it for both.
    pairs = [
        (timed(run_backtest, [block], settings), timed(plain_numpy, block)) for _ in range(REPEATS)
    ]
    runs, plain = zip(*pairs, strict=True)
    candles = outcome.coverage.candles
    slow = timed(reference_trades, [block_of(SLOW_SYMBOLS, SLOW_DAYS)], settings)
    slow_speed = SLOW_SYMBOLS * SLOW_DAYS * 1440 / slow
    seconds, numpy_seconds = median(runs), median(plain)
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


def plain_numpy(block: Block) -> int:
    """Return how many alarms a plain numpy script finds and walks to an exit with floats.

    The same EWMA rule over whole arrays, then stop, target and time limit by `argmax`; no events,
    sizing, limits, protections, partial fills or funding.
    """
    candles = block.candles
    alpha, size = 2 / 1441, 1440
    turnover = candles.turnover
    keep = (1 - alpha) ** np.arange(1, size + 1)

    def leaky(inputs: FloatArray, first: FloatArray) -> FloatArray:
        total = np.empty_like(inputs)
        for begin in range(0, inputs.shape[1], size):
            part = inputs[:, begin : begin + size]
            powers = keep[: part.shape[1]]
            total[:, begin : begin + size] = powers * (first[:, None] + (part / powers).cumsum(1))
            first = total[:, begin + part.shape[1] - 1]
        return total

    def shifted(values: FloatArray, first: FloatArray) -> FloatArray:
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


def stream(folder: str) -> dict[str, float]:
    """Return what a whole market, read from Parquet, takes."""
    settings = read_settings({}, detector="ewma")
    busy = time.process_time()
    loading = timed(lambda: sum(1 for _ in Recordings(Path(folder)).blocks()))
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
        "peak_memory_mb": peak_memory(),
    }


def write(folder: str, days: str) -> dict[str, float]:
    """Write a market of Parquet."""
    write_market(Path(folder), MARKET_SYMBOLS, int(days))
    return {}


WORK: dict[str, Callable[..., dict[str, float]]] = {
    "arrays": arrays,
    "stream": stream,
    "write": write,
}

if __name__ == "__main__":
    keep_freed_memory()
    print(json.dumps(WORK[sys.argv[1]](*sys.argv[2:])))
