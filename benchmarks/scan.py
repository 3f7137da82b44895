"""A scan of the whole market every five seconds, beside the bare request for the tickers.

Scan and bare request take turns in one process, against the simulated exchange with 60 ms latency
in another; the history is in memory. CPU time is that of the process, all threads.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TypeVar

import urllib3

from pumpwatch.invocation import Tick
from pumpwatch.settings.detect import DetectSettings
from pumpwatch_workbench.local.memory import MemoryHistoryStore
from pumpwatch_workbench.simulator.market.measured import MeasuredExchange
from studies.scale.exchange import LATENCY_MS, MINUTE, PUMP_MINUTE, START, exchange_process
from studies.scale.tick import detect_from

SIZES = (200, 1_000, 2_000)
MOVERS = 8
INTERVAL = 5
SETTINGS = DetectSettings(
    table_name="table",
    bucket_name="bucket",
    scan_interval_seconds=INTERVAL,
    requests_per_second=110,
)
MILLI = 1000.0

Figures = list[tuple[float, float]]
Result = TypeVar("Result")


def measure() -> dict[str, float]:
    """Return CPU and wall milliseconds of scans, and how they grow with the market."""
    results: dict[str, float] = {}
    for symbols in SIZES:
        with exchange_process(symbols, MOVERS) as exchange:
            scans, looks, bare = _scans(exchange)
        for name, figures in (("scan", scans), ("scan_with_a_look", looks), ("bare_request", bare)):
            for column, what in enumerate(("cpu", "wall")):
                value = statistics.median(figure[column] for figure in figures) if figures else 0.0
                results[f"{name}_{symbols}_symbols_{what}_ms_p50"] = value * MILLI
        results[f"looks_{symbols}_symbols"] = len(looks)
    few, _, many = (results[f"scan_{symbols}_symbols_cpu_ms_p50"] for symbols in SIZES)
    return results | {"scan_2000_over_200_symbols_cpu_ratio": many / few}


def _scans(exchange: MeasuredExchange) -> tuple[Figures, Figures, Figures]:
    """Return (CPU, wall) of the scans between two runs: calm ones, those with a look; and of the
    bare request."""
    detect = detect_from(exchange, MemoryHistoryStore(), SETTINGS)
    detect.backfill()
    exchange.tell("latency", LATENCY_MS)
    pool = urllib3.PoolManager()
    url = f"{exchange.url}/v5/market/tickers?category=linear"
    calm: Figures = []
    looked: Figures = []
    bare: Figures = []
    for second in range(0, (PUMP_MINUTE + 2) * MINUTE // 1000, INTERVAL):
        now = START + second * 1000
        exchange.tell("time", now)
        if now % MINUTE == 0:
            detect.run(Tick(scheduled_time=now, execution_id=str(now)))
            continue
        # The bare request comes first: the exchange writes the answer for both.
        bare.append(_timed(lambda: pool.request("GET", url).data)[0])
        figure, report = _timed(detect.look)
        (looked if report.looks else calm).append(figure)
    return calm, looked, bare


def _timed(work: Callable[[], Result]) -> tuple[tuple[float, float], Result]:
    cpu, wall = time.process_time(), time.perf_counter()
    result = work()
    return (time.process_time() - cpu, time.perf_counter() - wall), result
