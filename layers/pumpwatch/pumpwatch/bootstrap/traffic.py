"""Requests to the exchange turned into numbers."""

from __future__ import annotations

from pumpwatch.adapters.bybit.refusals import word_of
from pumpwatch.adapters.bybit.traffic import RequestCounts
from pumpwatch.metrics.numbers import RunNumbers

ROOT = "/v5/"


def describe_traffic(taken: RequestCounts, numbers: RunNumbers) -> None:
    """Fill in what was asked of the exchange, what came of it and how long it took."""
    for (path, code), count in taken.requests.items():
        numbers.count("api_requests", count, endpoint=path.removeprefix(ROOT), code=word_of(code))
    for path, seconds in taken.latencies:
        numbers.observe("api_latency_seconds", seconds, endpoint=path.removeprefix(ROOT))
