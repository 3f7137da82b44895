"""A detect tick against the simulated exchange with 60 ms latency, beside fetching every kline.

The tick is the detect function by its Lambda entry point, with the AWS stand-in behind it.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from pybit.unified_trading import HTTP

from pumpwatch.adapters.bybit import BybitMarketData, BybitSession
from pumpwatch.adapters.dynamodb import DynamoEventStore, DynamoSignalStore, Table
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch.usecases.detect.detect_pumps import DetectPumps
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.simulator.market_time import MarketTime
from studies.scale.exchange import (
    MINUTE,
    PUMP_MINUTE,
    START,
    MeasuredExchange,
    exchange_process,
)

LATENCY_MS = 60
SYMBOLS = 600
FEW, MANY = 200, 2_000
MOVERS = 5
TICKS = 9
BASELINE_RUNS = 3
BASELINE_THREADS = 8
SECOND = 4_000
"""Where in the minute the schedule fires, milliseconds."""
DETECT = "DetectFunction"


def measure() -> dict[str, float]:
    """Return wall times, requests, and the two ratios the project promises."""
    with exchange_process(SYMBOLS, MOVERS) as exchange:
        tick, requests, candidates = _ticks(exchange)
        baseline = statistics.median(_fetch_all(exchange.url) for _ in range(BASELINE_RUNS))
    few, many = _scaling()
    return {
        "tick_600_symbols_seconds_p50": tick,
        "tick_600_symbols_requests_p50": requests,
        "tick_600_symbols_candidates_p50": candidates,
        "baseline_600_klines_pybit_8_threads_seconds_p50": baseline,
        "baseline_over_tick_ratio": baseline / tick,
        "tick_200_symbols_seconds_p50": few,
        "tick_2000_symbols_seconds_p50": many,
        "tick_2000_over_200_symbols_ratio": many / few,
    }


def _scaling() -> tuple[float, float]:
    """Return the median tick over few and over many symbols, with the same number of movers."""
    medians = []
    for symbols in (FEW, MANY):
        with exchange_process(symbols, MOVERS) as exchange:
            medians.append(_ticks(exchange)[0])
    return medians[0], medians[1]


def _ticks(exchange: MeasuredExchange) -> tuple[float, float, float]:
    """Return medians over some warm ticks: wall seconds, requests, candidates."""
    with LocalStack(parameters={"BybitBaseUrl": exchange.url, "Stage": "bench"}) as stack:
        _backfill(stack, exchange.url)
        function = stack.functions[DETECT]
        exchange.tell("latency", LATENCY_MS)
        seconds, requests, candidates = [], [], []
        for minute in range(1, PUMP_MINUTE + TICKS + 2):
            exchange.tell("time", START + minute * MINUTE + SECOND)
            invocation = function.invoke(stack.scheduled_event(DETECT, START + minute * MINUTE))
            answer = invocation.result()
            if minute > PUMP_MINUTE + 1:  # warm, and the movers' events are open
                seconds.append(invocation.seconds)
                requests.append(answer["requests"])
                candidates.append(answer["candidates"])
    return statistics.median(seconds), statistics.median(requests), statistics.median(candidates)


def _backfill(stack: LocalStack, url: str) -> None:
    settings = load_settings(DetectSettings, stack.functions[DETECT].variables)
    table = Table(settings.table_name, stack.aws.client("dynamodb"))
    session = BybitSession(url, requests_per_second=10_000, threads=2, exchange_time=MarketTime())
    DetectPumps(
        BybitMarketData(session, parallel_requests=2),
        S3HistoryStore(settings.bucket_name, stack.aws.client("s3")),
        DynamoSignalStore(table),
        DynamoEventStore(table),
        settings,
    ).backfill()
    session.close()


def _fetch_all(url: str) -> float:
    """Return the seconds that stock pybit takes for the klines of 600 symbols on 8 threads."""
    session = HTTP()
    session.endpoint = url
    rows = session.get_tickers(category="linear")["result"]["list"]
    symbols = [row["symbol"] for row in rows][:SYMBOLS]

    def fetch(symbol: str) -> None:
        session.get_kline(category="linear", symbol=symbol, interval="1", limit=200)

    begin = time.perf_counter()
    with ThreadPoolExecutor(BASELINE_THREADS) as pool:
        list(pool.map(fetch, symbols))
    return time.perf_counter() - begin
