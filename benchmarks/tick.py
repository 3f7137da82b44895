"""A detect tick against the simulated exchange with 60 ms latency, beside fetching every kline.

The tick is the detect function by its Lambda entry point, with the AWS stand-in behind it.
"""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor

from pybit.unified_trading import HTTP

from benchmarks.harness import timed
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.play.run.stage import DETECT, backfill
from pumpwatch_workbench.simulator.market.measured import MeasuredExchange
from studies.scale.exchange import (
    LATENCY_MS,
    MINUTE,
    PUMP_MINUTE,
    SECOND,
    START,
    exchange_process,
)

SYMBOLS = 600
FEW, MANY = 200, 2_000
MOVERS = 5
TICKS = 9
BASELINE_RUNS = 3
BASELINE_THREADS = 8
WARM_UP = PUMP_MINUTE + 1
"""Ticks until nothing is cold and the movers' events are open."""


def measure() -> dict[str, float]:
    """Return wall times, requests, and the two ratios the project promises."""
    with exchange_process(SYMBOLS, MOVERS) as exchange:
        tick, requests, candidates = _ticks(exchange)
        baseline = statistics.median(_fetch_all(exchange.url) for _ in range(BASELINE_RUNS))
    scaled = []
    for symbols in (FEW, MANY):
        with exchange_process(symbols, MOVERS) as exchange:
            scaled.append(_ticks(exchange)[0])
    few, many = scaled
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


def _ticks(exchange: MeasuredExchange) -> list[float]:
    """Return medians over some warm ticks: wall seconds, requests, candidates."""
    with LocalStack(parameters={"BybitBaseUrl": exchange.url, "Stage": "bench"}) as stack:
        backfill(stack)
        exchange.tell("latency", LATENCY_MS)
        rows = []
        for minute in range(1, WARM_UP + TICKS + 1):
            exchange.tell("time", START + minute * MINUTE + SECOND)
            event = stack.scheduled_event(DETECT, START + minute * MINUTE)
            invocation = stack.functions[DETECT].invoke(event)
            answer = invocation.result()
            rows.append((invocation.seconds, answer["requests"], answer["candidates"]))
    return [statistics.median(column) for column in zip(*rows[WARM_UP:], strict=True)]


def _fetch_all(url: str) -> float:
    """Return the seconds that stock pybit takes for the klines of 600 symbols on 8 threads."""
    session = HTTP()
    session.endpoint = url
    rows = session.get_tickers(category="linear")["result"]["list"]
    symbols = [row["symbol"] for row in rows][:SYMBOLS]

    def fetch(symbol: str) -> None:
        session.get_kline(category="linear", symbol=symbol, interval="1", limit=200)

    with ThreadPoolExecutor(BASELINE_THREADS) as pool:
        return timed(lambda: list(pool.map(fetch, symbols)))
