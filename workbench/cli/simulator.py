"""`pumpwatch simulator`: serve a simulated Bybit until interrupted."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer

from workbench.relaxed_collector import relax_collector
from workbench.simulator.auth import credentials_from_seed
from workbench.simulator.clock import MarketClock
from workbench.simulator.exchange import LOOPBACK, Exchange
from workbench.simulator.exchange_settings import ExchangeSettings
from workbench.simulator.fault_forms import MOST_SKEW_MS
from workbench.simulator.fault_schedule import FaultSchedule
from workbench.simulator.incident_schedule import IncidentSchedule
from workbench.simulator.market import MINUTE_MS, Market
from workbench.simulator.server import SimulatorStartError, open_site

Schedule = TypeVar("Schedule")

MAX_SYMBOLS = 2_000
MAX_LATENCY_MS = 60_000
MAX_LIVE_MINUTES = 60 * 24 * 60
STEPPED_START = 1_793_577_600_000
"""2026-11-02T00:00:00Z: where a market begins that is not tied to the wall clock."""


def simulator(
    *,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
    symbols: Annotated[int, typer.Option(help="USDT perpetuals in the market, 1 to 2000.")] = 600,
    seed: Annotated[int, typer.Option(help="Same seed, same market and same key.")] = 1,
    speed: Annotated[float, typer.Option(help="Market seconds per wall second.")] = 1.0,
    latency_ms: Annotated[int, typer.Option(help="Round trip of a request, milliseconds.")] = 0,
    replay: Annotated[
        Path | None, typer.Option(help="Folder of recorded candles to play instead.")
    ] = None,
    start: Annotated[
        str, typer.Option(help="Market time to begin at, ISO 8601, UTC unless it says otherwise.")
    ] = "",
    stepped: Annotated[
        bool, typer.Option("--stepped", help="Market time moves only on POST /simulator/clock.")
    ] = False,
    live_minutes: Annotated[
        int, typer.Option(help="Plan the pumps for this many minutes; 0 for a market without end.")
    ] = 0,
    balance: Annotated[str, typer.Option(help="USDT in the wallet.")] = "10000",
    faults: Annotated[
        str, typer.Option(help="Let calls go wrong: SEED or SEED:RATE, for example 7:0.05.")
    ] = "",
    incidents: Annotated[
        str, typer.Option(help="Let things happen to market and account: SEED or SEED:RATE.")
    ] = "",
    clock_skew_ms: Annotated[
        int, typer.Option(help="How far the exchange's clock is ahead of ours; negative: behind.")
    ] = 0,
) -> None:
    """Serve a simulated Bybit V5 exchange on 127.0.0.1 until interrupted.

    Prints one JSON line with url, api_key and api_secret when it is ready.
    """
    settings = ExchangeSettings(
        balance=_amount(balance), latency_ms=_within("--latency-ms", latency_ms, MAX_LATENCY_MS)
    )
    plan = _faults(faults)
    happenings = _incidents(incidents)
    skew = _within("--clock-skew-ms", clock_skew_ms, MOST_SKEW_MS, -MOST_SKEW_MS)
    market, begin = _market(symbols, seed, speed, replay, start, live_minutes, stepped=stepped)
    clock = MarketClock(start=begin, speed=speed, stepped=stepped)
    exchange = Exchange(market, clock, credentials_from_seed(seed), settings, faults=plan)
    exchange.clock_skew_ms = skew
    exchange.incidents = happenings
    relax_collector()
    asyncio.run(_serve(exchange, port))


def _within(name: str, value: int, most: int, least: int = 0) -> int:
    if not least <= value <= most:
        raise SimulatorStartError(f"{name} is {value}: give a number from {least} to {most}")
    return value


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and amount > 0):
        raise SimulatorStartError(f"--balance is {text}: give an amount of USDT above 0")
    return amount


def _faults(text: str) -> FaultSchedule | None:
    """Return the schedule that SEED or SEED:RATE asks for, None for an empty text."""
    return _seeded("--faults", text, FaultSchedule)


def _incidents(text: str) -> IncidentSchedule | None:
    """Return the schedule of incidents, None for an empty text."""
    return _seeded("--incidents", text, IncidentSchedule)


def _seeded(name: str, text: str, schedule: Callable[..., Schedule]) -> Schedule | None:
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


def _market(
    symbols: int,
    seed: int,
    speed: float,
    replay: Path | None,
    start: str,
    live_minutes: int,
    *,
    stepped: bool,
) -> tuple[Market, int | None]:
    """Return the market and the time its clock begins at; None means the wall's time."""
    _within("--symbols", symbols, MAX_SYMBOLS, 1)
    if not 0 < speed < float("inf"):
        raise SimulatorStartError(f"--speed is {speed}: give a number above 0")
    if replay is not None:
        return _replay(replay, start)
    from workbench.simulator.synthetic.market import SyntheticMarket  # noqa: PLC0415 - slow import

    tied_to_wall = not start and not stepped and speed == 1.0
    now = time.time_ns() // 1_000_000
    begin = now if tied_to_wall else _instant(start) if start else STEPPED_START
    minutes = _within("--live-minutes", live_minutes, MAX_LIVE_MINUTES)
    market = SyntheticMarket(symbols, seed, begin // MINUTE_MS * MINUTE_MS, minutes or None)
    return market, None if tied_to_wall else begin


def _replay(folder: Path, start: str) -> tuple[Market, int]:
    from workbench.simulator.replay.market import (  # noqa: PLC0415 - slow import
        ReplayDataError,
        ReplayMarket,
    )

    try:
        market = ReplayMarket(folder)
    except ReplayDataError as error:
        raise SimulatorStartError(str(error)) from error
    return market, _instant(start) if start else market.start


def _instant(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SimulatorStartError(
            f"--start is {text}: give a time such as 2026-11-02T00:00:00Z"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000)


async def _serve(exchange: Exchange, port: int) -> None:
    runner, bound = await open_site(exchange, port)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        sys.stdout.buffer.write(orjson.dumps(_ready_line(exchange, bound)) + b"\n")
        sys.stdout.buffer.flush()
        await stop.wait()
    finally:
        await runner.cleanup()


def _ready_line(exchange: Exchange, port: int) -> dict[str, Any]:
    caller = next(iter(exchange.credentials.values()))
    return {
        "url": f"http://{LOOPBACK}:{port}",
        "api_key": caller.api_key,
        "api_secret": caller.api_secret,
        "user_id": str(caller.user_id),
        "symbols": len(exchange.market.listings),
        "market_time": exchange.started,
        "stepped": exchange.clock.stepped,
    }
