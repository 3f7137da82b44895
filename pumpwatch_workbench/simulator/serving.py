"""The simulator as a command serves it: a market, its clock and its troubles, until interrupted."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import orjson

from pumpwatch_workbench.processes import relax_collector
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import STEPPED_START, MarketClock, wall_milliseconds
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, Market
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket
from pumpwatch_workbench.simulator.server import SimulatorServer, SimulatorStartError
from pumpwatch_workbench.simulator.troubles.faults.forms import MOST_SKEW_MS
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule
from pumpwatch_workbench.simulator.troubles.incidents.schedule import IncidentSchedule

Schedule = TypeVar("Schedule")
MAX_SYMBOLS = 2_000
MAX_LATENCY_MS = 60_000
MAX_LIVE_MINUTES = 60 * 24 * 60
MAX_SEED = 2**63 - 1
MAX_BALANCE = 1_000_000_000_000
FIRST_YEAR, LAST_YEAR = 2015, 2100


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """Command line options as they were typed; `serve` checks them."""

    port: int
    symbols: int
    seed: int
    speed: float
    latency_ms: int
    replay: Path | None
    start: str
    stepped: bool
    live_minutes: int
    balance: str
    faults: str
    incidents: str
    clock_skew_ms: int
    mark_lag_minutes: int = 3
    demo: bool = False
    quiet: bool = True
    """Say nothing but the one JSON line."""


def serve(options: SimulatorOptions) -> None:
    """Serve until interrupted; print one JSON line when ready. Raises SimulatorStartError."""
    settings = ExchangeSettings(
        balance=_amount(options.balance),
        latency_ms=_within("--latency-ms", options.latency_ms, MAX_LATENCY_MS),
        mark_lag_minutes=_within("--mark-lag-minutes", options.mark_lag_minutes, 60),
        demo=options.demo,
    )
    plan = _seeded("--faults", options.faults, FaultSchedule)
    happenings = _seeded("--incidents", options.incidents, IncidentSchedule)
    skew = _within("--clock-skew-ms", options.clock_skew_ms, MOST_SKEW_MS, -MOST_SKEW_MS)
    market, begin = _market(options)
    clock = MarketClock(start=begin, speed=options.speed, stepped=options.stepped)
    key = credentials_from_seed(_within("--seed", options.seed, MAX_SEED))
    exchange = Exchange(market, clock, key, settings, faults=plan)
    exchange.clock_skew_ms = skew
    exchange.incidents = happenings
    relax_collector()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with SimulatorServer(exchange, options.port) as server:
        # Not print: with standard output closed there is nobody to tell.
        if sys.stdout is not None:
            sys.stdout.write(orjson.dumps(_ready_line(exchange, server.url)).decode() + "\n")
            sys.stdout.flush()
        if not options.quiet and sys.stderr is not None:
            sys.stderr.write("Serving until Ctrl-C.\n")
        stop.wait()


def _within(name: str, value: int, most: int, least: int = 0) -> int:
    if not least <= value <= most:
        raise SimulatorStartError(f"{name} is {value}: give a number from {least} to {most}")
    return value


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 < amount <= MAX_BALANCE):
        raise SimulatorStartError(
            f"--balance is {text}: give an amount of USDT above 0, at most {MAX_BALANCE:,}"
        )
    return amount


def _seeded(name: str, text: str, schedule: Callable[..., Schedule]) -> Schedule | None:
    """Return the schedule that SEED or SEED:RATE asks for, None for an empty text."""
    if not text:
        return None
    seed, _, rate = text.partition(":")
    try:
        return schedule(int(seed), float(rate)) if rate else schedule(int(seed))
    except ValueError as error:
        raise SimulatorStartError(
            f"{name} is {text}: give SEED or SEED:RATE, whole number and share from 0 to 1,"
            " for example 7:0.05"
        ) from error


def _market(options: SimulatorOptions) -> tuple[Market, int | None]:
    """Return the market and the time its clock begins at; None means the wall's time."""
    _within("--symbols", options.symbols, MAX_SYMBOLS, 1)
    if not 0 < options.speed < float("inf"):
        raise SimulatorStartError(f"--speed is {options.speed}: give a number above 0")
    if options.replay is not None:
        from pumpwatch_workbench.simulator.market.replay.market import ReplayMarket  # noqa: PLC0415 - loads Polars

        replay = ReplayMarket(options.replay)
        return replay, _instant(options.start) if options.start else replay.start
    tied_to_wall = not options.start and not options.stepped and options.speed == 1.0
    if tied_to_wall:
        begin = wall_milliseconds()
    else:
        begin = _instant(options.start) if options.start else STEPPED_START
    minutes = _within("--live-minutes", options.live_minutes, MAX_LIVE_MINUTES)
    first = begin // MINUTE_MS * MINUTE_MS
    market = SyntheticMarket(options.symbols, options.seed, first, minutes or None)
    return market, None if tied_to_wall else begin


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SimulatorStartError(
            f"--start is {text}: give a time such as 2026-11-02T00:00:00Z"
        ) from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise SimulatorStartError(
            f"--start is {text}: give a time from {FIRST_YEAR} to {LAST_YEAR}"
        )
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1_000)


def _ready_line(exchange: Exchange, url: str) -> dict[str, Any]:
    caller = next(iter(exchange.credentials.values()))
    return {
        "url": url,
        "api_key": caller.api_key,
        "api_secret": caller.api_secret,
        "user_id": str(caller.user_id),
        "symbols": len(exchange.market.listings),
        "market_time": exchange.started,
        "stepped": exchange.clock.stepped,
    }
