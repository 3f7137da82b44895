"""Speed of each rule on candles, and the memory it needs beyond its input."""

from __future__ import annotations

import statistics
import tracemalloc
from collections.abc import Callable

import numpy as np

from benchmarks.harness import timed
from benchmarks.reference import rules as reference
from benchmarks.reference.rule_boosted import boosted
from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.moments import MINUTE

SYMBOLS, CANDLES = 600, 2880
REPEATS = 7
REFERENCE_SYMBOLS = 4
RULES = (
    (Boosted(), boosted),
    (Ewma(), reference.ewma),
    (Karbalaii(), reference.karbalaii),
)


def measure() -> dict[str, float]:
    """Return candles per second, peak memory over the input, and the ratio to the plain loop."""
    candles = _random_candles()
    figures: dict[str, float] = {}
    for rule, plain_loop in RULES:
        figures |= _figures(rule, plain_loop, candles)
    return figures


def _figures(rule: Detector, plain_loop: Callable, candles: Candles) -> dict[str, float]:
    prefix = rule.name.replace("-", "_")
    seconds = statistics.median(timed(rule.detect, candles) for _ in range(REPEATS))
    speed = SYMBOLS * CANDLES / seconds
    rows = [reference.rows_of(candles, symbol) for symbol in range(REFERENCE_SYMBOLS)]
    baseline = REFERENCE_SYMBOLS * CANDLES / sum(timed(plain_loop, row, rule) for row in rows)
    return {
        f"{prefix}_candles_per_second": speed,
        f"{prefix}_baseline_plain_loop_candles_per_second": baseline,
        f"{prefix}_over_baseline_ratio": speed / baseline,
        f"{prefix}_peak_memory_over_input_ratio": _peak_ratio(rule, candles),
    }


def _peak_ratio(rule: Detector, candles: Candles) -> float:
    """Return the peak of input and everything the rule allocates over the input alone."""
    tracemalloc.start()
    try:
        rule.detect(candles)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return 1 + peak / (6 * candles.close.nbytes)


def _random_candles() -> Candles:
    generator = np.random.default_rng(1)
    shape = (SYMBOLS, CANDLES)
    close = np.exp(np.cumsum(generator.normal(0, 0.001, shape), axis=1))
    high, low = close * 1.001, close * 0.999
    turnover = generator.lognormal(6, 1.5, shape)
    times = MINUTE * np.arange(CANDLES, dtype=np.int64)
    names = tuple(f"S{number:04d}USDT" for number in range(SYMBOLS))
    return Candles(names, MINUTE, times, close, high, low, close, turnover / close, turnover)
