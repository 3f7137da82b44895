"""`pumpwatch simulator`: serve a simulated Bybit until interrupted."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, TypeVar

import orjson
import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import Replay, Symbols, check_range
from pumpwatch_workbench.cli.times import instant
from pumpwatch_workbench.processes import relax_collector
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import STEPPED_START, MarketClock, wall_milliseconds
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, Market
from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket
from pumpwatch_workbench.simulator.server import SimulatorServer
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule
from pumpwatch_workbench.simulator.troubles.incidents.schedule import IncidentSchedule

Schedule = TypeVar("Schedule")
MOST_BALANCE = 1_000_000_000_000
MOST_LIVE_MINUTES = 60 * 24 * 60
MARK_LAG_MINUTES = 3
FIRST, LAST = instant("", "2015-01-01"), instant("", "2101-01-01")


def simulator(
    *,
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
    symbols: Symbols = 600,
    seed: Annotated[int, typer.Option(help="Same seed, same market and same key.")] = 1,
    speed: Annotated[float, typer.Option(help="Market seconds per wall second.")] = 1.0,
    latency_ms: Annotated[int, typer.Option(help="Round trip of a request, milliseconds.")] = 0,
    replay: Replay = None,
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
    demo: Annotated[
        bool, typer.Option("--demo", help="Lack what Bybit's demo host does not list.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the JSON line and nothing else anywhere.")
    ] = False,
) -> None:
    """Serve a simulated Bybit V5 exchange on 127.0.0.1 until interrupted.

    Prints a JSON line with url, api_key and api_secret when it is ready. Ctrl-C ends it with
    status 0.

    Examples:
      pumpwatch simulator --port 8080
      pumpwatch simulator --port 0 --symbols 50 --speed 60 --faults 7:0.05
    """
    check_range("--symbols", symbols, 1, 2_000)
    check_range("--seed", seed, 0, 2**63 - 1)
    check_range("--latency-ms", latency_ms, 0, 60_000)
    check_range("--live-minutes", live_minutes, 0, MOST_LIVE_MINUTES)
    if not 0 < speed < float("inf"):
        raise BadInput(f"--speed is {speed}: give a number above 0")
    settings = ExchangeSettings(
        balance=_amount(balance),
        latency_ms=latency_ms,
        mark_lag_minutes=MARK_LAG_MINUTES,
        demo=demo,
    )
    plan = _seeded("--faults", faults, FaultSchedule)
    happenings = _seeded("--incidents", incidents, IncidentSchedule)
    begin = _begin(start) if start else None
    market: Market
    if replay is not None:
        market = _recorded(replay)
        begin = market.start if begin is None else begin
    else:
        # Nothing moves such a market but the wall: its clock has no start of its own.
        tied_to_wall = begin is None and not stepped and speed == 1.0
        if begin is None and not tied_to_wall:
            begin = STEPPED_START
        first = (wall_milliseconds() if begin is None else begin) // MINUTE_MS * MINUTE_MS
        market = SyntheticMarket(symbols, seed, first, live_minutes or None)
    clock = MarketClock(start=begin, speed=speed, stepped=stepped)
    exchange = Exchange(market, clock, credentials_from_seed(seed), settings, faults=plan)
    exchange.incidents = happenings
    _serve(exchange, port, quiet=as_json or not sys.stderr.isatty())


def _serve(exchange: Exchange, port: int, *, quiet: bool) -> None:
    relax_collector()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with SimulatorServer(exchange, port) as server:
        # Not print: with standard output closed there is nobody to tell.
        if sys.stdout is not None:
            sys.stdout.write(orjson.dumps(_ready_line(exchange, server.url)).decode() + "\n")
            sys.stdout.flush()
        if not quiet and sys.stderr is not None:
            sys.stderr.write("Serving until Ctrl-C.\n")
        stop.wait()


def _amount(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not (amount.is_finite() and 0 < amount <= MOST_BALANCE):
        raise BadInput(
            f"--balance is {text}: give an amount of USDT above 0, at most {MOST_BALANCE:,}"
        )
    return amount


def _seeded(name: str, text: str, schedule: Callable[..., Schedule]) -> Schedule | None:
    if not text:
        return None
    seed, _, rate = text.partition(":")
    try:
        return schedule(int(seed), float(rate)) if rate else schedule(int(seed))
    except ValueError as error:
        raise BadInput(
            f"{name} is {text}: give SEED or SEED:RATE, whole number and share from 0 to 1,"
            " for example 7:0.05"
        ) from error


def _begin(text: str) -> int:
    begin = instant("--start", text)
    if not FIRST <= begin < LAST:
        raise BadInput(f"--start is {text}: give a time from 2015 to 2100")
    return begin


def _recorded(replay: Path) -> Market:
    from pumpwatch_workbench.simulator.market.replay.market import ReplayMarket  # noqa: PLC0415 - loads Polars

    return ReplayMarket(replay)


def _ready_line(exchange: Exchange, url: str) -> dict[str, object]:
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
