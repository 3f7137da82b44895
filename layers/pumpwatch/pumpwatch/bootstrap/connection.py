"""The exchange as a function reaches it: one session, and what is asked through it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.adapters.bybit.limiter import AddressBudget
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.refusals import word_of
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.credentials import ExchangeKey
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.ports import MarketData
from pumpwatch.settings.shared import SharedSettings

ROOT = "/v5/"


@dataclass(frozen=True, slots=True)
class BybitConnection:
    """A session with the exchange, which also is its clock, and its public market."""

    session: BybitSession
    market: MarketData


def connect_to_bybit(
    settings: SharedSettings,
    *,
    timeout_seconds: float | None = None,
    requests_per_second: float = 90,
    budget: AddressBudget | None = None,
    key: ExchangeKey | None = None,
    traffic: Traffic | None = None,
    exchange_time: ExchangeTime | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> BybitConnection:
    """Return a session as the settings ask for it, and what belongs to it; nothing is sent yet.

    A request takes `timeout_seconds` at most, by default the settings' own. `traffic` outlives a
    session whose key was refused; `budget` is shared with other processes. `exchange_time` is the
    rule by which the exchange's time is believed: a simulated exchange, whose time is not ours,
    needs another one.
    """
    session = BybitSession(
        settings.bybit_base_url,
        key=key,
        timeout_seconds=timeout_seconds or settings.request_timeout_seconds,
        requests_per_second=requests_per_second,
        budget=budget,
        threads=settings.parallel_requests,
        wait=wait,
        traffic=traffic,
        exchange_time=exchange_time,
    )
    market = BybitMarketData(session, parallel_requests=settings.parallel_requests)
    return BybitConnection(session, market)


def describe_traffic(traffic: Traffic, numbers: RunNumbers) -> None:
    """Fill in what was asked of the exchange, what came of it and how long it took."""
    taken = traffic.take()
    for (path, code), count in taken.requests.items():
        numbers.count("api_requests", count, endpoint=path.removeprefix(ROOT), code=word_of(code))
    for path, seconds in taken.latencies:
        numbers.observe("api_latency_seconds", seconds, endpoint=path.removeprefix(ROOT))
