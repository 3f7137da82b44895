"""How fast the default detector reads candles, and how much memory it needs beyond its input."""

from __future__ import annotations

import statistics
import time
import tracemalloc

import numpy as np
from pumpwatch.domain.candles import MINUTE, Candles
from pumpwatch.domain.detection import detector_named
from pumpwatch.domain.detection.reference import reference_named

SYMBOLS, CANDLES = 600, 1440
REPEATS = 7
REFERENCE_SYMBOLS = 4


def measure() -> dict[str, float]:
    """Return candles per second, peak memory over the input, and the ratio to the plain loop."""
    candles = _random_candles()
    figures: dict[str, float] = {}
    for name in ("ewma", "karbalaii", "kamps-kleinberg"):
        detector = detector_named(name)
        seconds = statistics.median(
            _timed(lambda: detector.detect(candles)) for _ in range(REPEATS)
        )
        prefix = name.replace("-", "_")
        figures[f"{prefix}_candles_per_second"] = SYMBOLS * CANDLES / seconds
        figures[f"{prefix}_peak_memory_over_input_ratio"] = _peak_ratio(detector, candles)
        few = candles.select(range(REFERENCE_SYMBOLS))
        slow = _timed(lambda: reference_named(name, few))
        baseline = REFERENCE_SYMBOLS * CANDLES / slow
        figures[f"{prefix}_baseline_loop_candles_per_second"] = baseline
        figures[f"{prefix}_speed_over_baseline_ratio"] = (
            figures[f"{prefix}_candles_per_second"] / baseline
        )
    return figures


def _timed(work) -> float:  # noqa: ANN001 - any callable
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _peak_ratio(detector, candles: Candles) -> float:  # noqa: ANN001 - any detector
    size = 6 * candles.close.nbytes
    tracemalloc.start()
    try:
        detector.detect(candles)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return 1 + peak / size


def _random_candles() -> Candles:
    generator = np.random.default_rng(1)
    shape = (SYMBOLS, CANDLES)
    close = np.exp(np.cumsum(generator.normal(0, 0.001, shape), axis=1))
    high, low = close * 1.001, close * 0.999
    turnover = generator.lognormal(6, 1.5, shape)
    times = MINUTE * np.arange(CANDLES, dtype=np.int64)
    names = tuple(f"S{number:04d}USDT" for number in range(SYMBOLS))
    return Candles(names, MINUTE, times, close, high, low, close, turnover / close, turnover)
