"""`pumpwatch desk`: both use cases in one process on this machine, on paper, in demo or live."""

from __future__ import annotations

import os
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.settings.overrides import pairs_from
from pumpwatch_workbench.cli.options import (
    ConfigFile,
    Confirm,
    DeskUrl,
    DetectorOption,
    KeyFile,
    Keyring,
    NotifyVariable,
    Setting,
    StrategyOption,
    WebPort,
)
from pumpwatch_workbench.pages.words import money, signed_money
from pumpwatch_workbench.play.desk.options import DeskOptions, desk_options
from pumpwatch_workbench.play.desk.play import play, stop_on_signals
from pumpwatch_workbench.play.desk.telling import Tally
from pumpwatch_workbench.play.views.json import JsonView
from pumpwatch_workbench.play.views.live import view_for


def desk(
    *,
    mode: Annotated[
        str | None, typer.Option(help="paper (the default), demo or live, which is real money.")
    ] = None,
    confirm: Confirm = None,
    key_file: KeyFile = None,
    keyring: Keyring = None,
    symbols: Annotated[
        str | None,
        typer.Option(help="Only these, such as BTCUSDT,1000*USDT; without it the whole market."),
    ] = None,
    strategy: StrategyOption = None,
    detector: DetectorOption = None,
    duration: Annotated[
        str | None, typer.Option(help="Such as 30m, 8h or 7d; without it until you interrupt it.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="File for everything; without it ~/.pumpwatch/MODE.db.")
    ] = None,
    base_url: DeskUrl = None,
    web: WebPort = None,
    notify_env: NotifyVariable = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve metrics for Prometheus and /healthz; 0: a free port.")
    ] = None,
    metrics_address: Annotated[
        str | None, typer.Option(metavar="IP", help="Where to serve them; 127.0.0.1 by default.")
    ] = None,
    config: ConfigFile = None,
    set_: Setting = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON lines.")] = False,
) -> None:
    """Detect and trade from this machine: on paper, on Bybit's demo host or live.

    Does what a deployed stack does, with all its protections, and keeps everything in one file:
    stop it and start it again as you like. Demo and live need a key, of --key-file, --keyring or
    BYBIT_API_KEY and BYBIT_API_SECRET. Options win over the environment, and that over the file
    pumpwatch.toml; see docs/configuration.md.

    Ctrl-C ends it after the tick at hand with status 0; a second one ends it at once with 130.
    Exit status 1: no network at the start, or no tick that worked.

    Examples:
      pumpwatch desk
      pumpwatch desk --mode demo --key-file demo-key.json --strategy ride
      pumpwatch desk --mode live --key-file /keys --confirm 123456 --strategy ride --json
    """
    given = {
        "mode": mode,
        "live_trading_confirmation": confirm,
        "key_file": key_file,
        "keyring": keyring,
        "symbols": symbols,
        "strategy": strategy,
        "detector": detector,
        "duration": duration,
        "store": store,
        "bybit_base_url": base_url,
        "web_port": web,
        "notify_env": notify_env,
        "metrics_port": metrics_port,
        "metrics_address": metrics_address,
    }
    pairs = pairs_from(set_ or (), "--set")
    options = desk_options(given, os.environ, file=config, pairs=pairs)
    _run(options, as_json=as_json)


def _run(options: DeskOptions, *, as_json: bool) -> None:
    stop, console = threading.Event(), Console()
    json_view = JsonView(typer.echo)
    view = json_view if as_json else view_for(console)
    with stop_on_signals(stop), view:
        tally = play(options, view, stop)
    if as_json:
        json_view.line("summary", **asdict(tally), store=str(options.store))
    else:
        _print_summary(tally, options, console)
    if tally.ticks and tally.failed_ticks == tally.ticks:
        raise typer.Exit(1)


def _print_summary(tally: Tally, options: DeskOptions, console: Console) -> None:
    late = f", {tally.late_ticks} late" if tally.late_ticks else ""
    failed = f", {tally.failed_ticks} with a failure" if tally.failed_ticks else ""
    skipped = f", {tally.skipped_scans} skipped" if tally.skipped_scans else ""
    lines = [
        f"{tally.ticks} ticks{late}{failed}, {tally.scans} scans{skipped}; {tally.signals} signals;"
        f" {tally.opened} opened, {tally.closed} closed, {tally.denied} not entered",
        f"Realised {signed_money(tally.realised_pnl_usdt)} USDT, equity"
        f" {money(tally.equity_usdt)} USDT, {tally.open_positions} positions open",
        f"Kept in {options.store}: start again to go on, pumpwatch report to look at it",
    ]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
