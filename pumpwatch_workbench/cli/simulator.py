"""`pumpwatch simulator`: serve a simulated Bybit until interrupted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pumpwatch_workbench.cli.options import Replay, Symbols
from pumpwatch_workbench.simulator.serving import SimulatorOptions, serve


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
    clock_skew_ms: Annotated[
        int, typer.Option(help="How far the exchange's clock is ahead of ours; negative: behind.")
    ] = 0,
    mark_lag_minutes: Annotated[
        int, typer.Option(help="The mark price is the mean of so many minutes; 0: close behind.")
    ] = 3,
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
    serve(
        SimulatorOptions(
            port=port,
            symbols=symbols,
            seed=seed,
            speed=speed,
            latency_ms=latency_ms,
            replay=replay,
            start=start,
            stepped=stepped,
            live_minutes=live_minutes,
            balance=balance,
            faults=faults,
            incidents=incidents,
            clock_skew_ms=clock_skew_ms,
            mark_lag_minutes=mark_lag_minutes,
            demo=demo,
            quiet=as_json or not sys.stderr.isatty(),
        )
    )
