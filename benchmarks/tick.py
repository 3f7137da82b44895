"""A detect tick against the simulated exchange with 60 ms latency, beside fetching every kline.

The tick is the detect function by its Lambda entry point, with the AWS stand-in behind it.
"""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

from pybit.unified_trading import HTTP

from benchmarks.exchange_process import PUMP_MINUTE, START, MeasuredExchange, exchange_process
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.bootstrap.connection import connect_to_bybit
from pumpwatch.bootstrap.detect import DetectStores, detect_pumps
from pumpwatch.domain.moments import MINUTE
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import load_settings
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.simulator.market_time import MarketTime

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
    history = S3HistoryStore(settings.bucket_name, stack.aws.client("s3"))
    few = settings.model_copy(update={"bybit_base_url": url, "parallel_requests": 2})
    exchange = connect_to_bybit(few, requests_per_second=10_000, exchange_time=MarketTime())
    detect_pumps(settings, DetectStores.in_aws(table, history), exchange).backfill()
    exchange.session.close()


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
