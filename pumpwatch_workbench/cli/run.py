"""`pumpwatch run`: a whole market on this machine, its pumps detected and traded."""

from __future__ import annotations

import json
import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.errors import BadInput
from pumpwatch.settings.overrides import OF_THE_DEPLOYMENT, pairs_from
from pumpwatch_workbench.cli.options import (
    AsJson,
    ConfigFile,
    DetectorOption,
    ExportFolder,
    NotifyVariable,
    Replay,
    ReportPage,
    Setting,
    StrategyOption,
    Symbols,
    WebPort,
    check_range,
)
from pumpwatch_workbench.cli.printing import print_end
from pumpwatch_workbench.configuration.load import DeskSettings, load
from pumpwatch_workbench.export import check_export, tables_of, write_tables
from pumpwatch_workbench.pages.files import check_report_path
from pumpwatch_workbench.play.messages.messenger import messengers_from
from pumpwatch_workbench.play.messages.told import Messages
from pumpwatch_workbench.play.run.driver import Page, play
from pumpwatch_workbench.play.run.options import RunOptions
from pumpwatch_workbench.play.run.page import write_run_report
from pumpwatch_workbench.play.run.summary import print_summary
from pumpwatch_workbench.play.views.live import view_for
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.sample import sample_warning
from pumpwatch_workbench.simulator.market.replay.recording import counted_events

MOST_SYMBOLS = 2_000
OWN = {*OF_THE_DEPLOYMENT, *DeskSettings.model_fields, "parallel_requests", "requests_per_second"}
"""Settings that a run decides itself: the same seed gives the same run."""
SHORTEST, LONGEST = 0.25, 48
"""Hours: the first pumps come within a quarter."""
MOST_SEED = 2**63 - 1


def run(
    *,
    symbols: Symbols = 600,
    seed: Annotated[int, typer.Option(help="Same seed, same run.")] = 1,
    hours: Annotated[float, typer.Option(help="Market hours to play.")] = 0.5,
    scan_interval: Annotated[int, typer.Option(help="Seconds between scans, 1 to 60.")] = 5,
    replay: Replay = None,
    detector: DetectorOption = None,
    strategy: StrategyOption = None,
    set_: Setting = None,
    config: ConfigFile = None,
    web: WebPort = None,
    notify_env: NotifyVariable = None,
    report: ReportPage = Path("build/run-report.html"),
    export_to: ExportFolder = None,
    as_json: AsJson = False,
) -> None:
    """Play a simulated market against both functions and report what they did.

    Starts a simulated Bybit, a stand-in for AWS and a Pushgateway, invokes the Lambda handlers on
    their schedule in market time, and writes a report page. Needs no account and no internet.

    Exit status 1: an open position had no stop, an order was sent twice, or the journal differs
    from the exchange.

    Examples:
      pumpwatch run
      pumpwatch run --symbols 200 --seed 7
      pumpwatch run --replay candles --json
      pumpwatch run --strategy ride --set ride_exit=time --set symbols=A*
    """
    check_range("--symbols", symbols, 1, MOST_SYMBOLS)
    check_range("--seed", seed, 0, MOST_SEED)
    check_range("--hours", hours, SHORTEST, LONGEST)
    check_range("--scan-interval", scan_interval, 1, 60)
    check_range("--web", web or 0, 0, 65_535)
    named, pairs = {"strategy": strategy, "detector": detector}, pairs_from(set_ or (), "--set")
    if own := pairs.keys() & OWN:
        raise BadInput(f"--set {min(own)}: a run decides this itself")
    given = load(named, pairs=pairs, file=config, environment={})
    options = RunOptions(
        symbols=symbols,
        seed=seed,
        minutes=round(hours * 60),
        scan_interval=scan_interval,
        replay=replay,
        detector=given.detect.detector,
        strategy=given.trade.strategy_name,
        settings={name: each.text for name, each in given.given.items() if name not in OWN},
    )
    check_report_path(report)
    check_export(export_to)
    console = Console(stderr=as_json)
    remarks = "" if replay is None else _checked(replay, options.detector)
    messengers = messengers_from(notify_env or "", os.environ)
    with view_for(console) as view, Messages(view, messengers, "run") as told:
        page: Page = nullcontext
        if web is not None:
            from pumpwatch_workbench.play.run.web import live_page  # noqa: PLC0415 (heavy)

            page = partial(live_page, port=web, view=view)
        result = play(options, told, page)
    if export_to is not None:
        write_tables(export_to, tables_of(result.trades, result.events, result.equity))
    written = write_run_report(result, report)
    if as_json:
        typer.echo(json.dumps(result.to_json()))
    else:
        print_summary(result, console)
    print_end(console, remarks, report=written)
    if not result.ok:
        raise typer.Exit(1)


def _checked(replay: Path, detector: str) -> str:
    """Read the folder before anything is started; return what is said of it. Raises `BadInput`."""
    recorded = RecordedFolder(replay, needs_segments=False)
    counted_events(recorded)
    remarks = [recorded.check(), *sample_warning(detector, recorded.fingerprints)]
    return " ".join(filter(None, remarks))
