"""`pumpwatch paper`: real market data, paper orders, no keys and no AWS."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch_workbench.cli.bybit import checked_address
from pumpwatch_workbench.cli.options import (
    BaseUrl,
    DetectorName,
    DetectorOption,
    StrategyName,
    StrategyOption,
)
from pumpwatch_workbench.cli.times import parse_duration
from pumpwatch_workbench.pages.words import money, signed_money
from pumpwatch_workbench.play.desk.loop import Tally
from pumpwatch_workbench.play.desk.options import (
    PaperOptions,
    default_store,
    parse_symbols,
    webhook_from,
)
from pumpwatch_workbench.play.desk.play import play, stop_on_signals
from pumpwatch_workbench.play.views.json import JsonView
from pumpwatch_workbench.play.views.live import view_for


def paper(
    *,
    symbols: Annotated[
        str | None,
        typer.Option(help="Only these, such as BTCUSDT,DOGEUSDT; without it the whole market."),
    ] = None,
    strategy: StrategyOption = StrategyName.FADE,
    detector: DetectorOption = DetectorName.BOOSTED,
    duration: Annotated[
        str | None, typer.Option(help="Such as 30m, 8h or 7d; without it until you interrupt it.")
    ] = None,
    store: Annotated[
        Path | None, typer.Option(help="File for everything; without it ~/.pumpwatch/paper.db.")
    ] = None,
    base_url: BaseUrl = "https://api.bybit.com",
    slack_webhook_env: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Name of the variable that holds Slack's webhook address."
        ),
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve metrics for Prometheus on 127.0.0.1; 0: a free port.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Lift a halt, of a protection or of a person.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON lines.")] = False,
) -> None:
    """Trade on paper with Bybit's real market data: no key, no account, no AWS.

    Scans the market every 5 seconds and trades as a deployed stack does, with all its protections,
    and keeps everything in one file: stop it and start it again as you like. Other settings come
    from the environment, see docs/configuration.md.

    Ctrl-C ends it after the tick at hand with status 0; a second one ends it at once with 130.
    Exit status 1: no network at the start, or no tick that worked.

    Examples:
      pumpwatch paper
      pumpwatch paper --symbols BTCUSDT,DOGEUSDT --duration 8h
      pumpwatch paper --strategy fade --metrics-port 9108 --slack-webhook-env SLACK_WEBHOOK
    """
    options = PaperOptions.checked(
        os.environ,
        store=store or default_store(),
        base_url=checked_address("--base-url", base_url),
        detector=detector.value,
        strategy=strategy.value,
        metrics_port=metrics_port,
        symbols=() if symbols is None else parse_symbols(symbols),
        duration=None if duration is None else parse_duration("--duration", duration),
        webhook="" if slack_webhook_env is None else webhook_from(slack_webhook_env),
        resume=resume,
    )
    stop, console = threading.Event(), Console()
    json_view = JsonView(typer.echo)
    view = json_view if as_json else view_for(console)
    with stop_on_signals(stop), view:
        tally = play(options, view, stop)
    if as_json:
        json_view.line("summary", **_summary(tally), store=str(options.store))
    else:
        _print_summary(tally, options, console)
    if tally.ticks and tally.failed_ticks == tally.ticks:
        raise typer.Exit(1)


def _summary(tally: Tally) -> dict[str, object]:
    return {
        "ticks": tally.ticks,
        "late_ticks": tally.late_ticks,
        "failed_ticks": tally.failed_ticks,
        "scans": tally.scans,
        "skipped_scans": tally.skipped_scans,
        "signals": tally.signals,
        "opened": tally.opened,
        "closed": tally.closed,
        "denied": tally.denied,
        "realised_pnl_usdt": str(tally.realised),
        "equity_usdt": None if tally.equity is None else str(tally.equity),
        "open_positions": tally.open_positions,
    }


def _print_summary(tally: Tally, options: PaperOptions, console: Console) -> None:
    late = f", {tally.late_ticks} late" if tally.late_ticks else ""
    failed = f", {tally.failed_ticks} with a failure" if tally.failed_ticks else ""
    skipped = f", {tally.skipped_scans} skipped" if tally.skipped_scans else ""
    lines = [
        f"{tally.ticks} ticks{late}{failed}, {tally.scans} scans{skipped}; {tally.signals} signals;"
        f" {tally.opened} opened, {tally.closed} closed, {tally.denied} not entered",
        f"Realised {signed_money(tally.realised)} USDT, equity {money(tally.equity)} USDT,"
        f" {tally.open_positions} positions open",
        f"Kept in {options.store}: start again to go on, pumpwatch report to look at it",
    ]
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)
