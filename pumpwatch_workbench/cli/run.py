"""`pumpwatch run`: a whole market on this machine, its pumps detected and traded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, Detector, Strategy

if TYPE_CHECKING:
    from pumpwatch_workbench.play.run.options import RunOptions

MAX_SYMBOLS = 2_000
MAX_HOURS = 48.0
MAX_SEED = 2**63 - 1


def run(
    *,
    symbols: Annotated[int, typer.Option(help="USDT perpetuals in the market, 1 to 2000.")] = 600,
    seed: Annotated[int, typer.Option(help="Same seed, same run.")] = 1,
    hours: Annotated[float, typer.Option(help="Market hours to play.")] = 3.0,
    replay: Annotated[
        Path | None, typer.Option(help="Folder of recorded candles to play instead.")
    ] = None,
    detector: Annotated[Detector, typer.Option(help="The rule.")] = Detector.BOOSTED,
    strategy: Annotated[Strategy, typer.Option(help="What to do about it.")] = Strategy.FADE,
    report: Annotated[Path, typer.Option(help="Where the report page goes.")] = Path(
        "build/run-report.html"
    ),
    as_json: AsJson = False,
) -> None:
    """Play a simulated market against both functions and report what they did.

    Starts a simulated Bybit, a stand-in for AWS and a Pushgateway, invokes the Lambda handlers on
    their schedule in market time, and writes a report page. Needs no account and no internet.

    Exit status 1 when an invariant broke: an open position without a stop, a duplicate order, or a
    journal that differs from the exchange.
    """
    options = _options(symbols, seed, hours, replay, detector, strategy)
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed

    from pumpwatch_workbench.pages.files import check_report_path  # noqa: PLC0415
    from pumpwatch_workbench.play.run.driver import play  # noqa: PLC0415
    from pumpwatch_workbench.play.run.page import write_run_report  # noqa: PLC0415
    from pumpwatch_workbench.play.run.summary import print_summary  # noqa: PLC0415
    from pumpwatch_workbench.play.views.live import view_for  # noqa: PLC0415

    check_report_path(report)
    console = Console(stderr=as_json)
    gaps = "" if replay is None else _checked(replay)
    with view_for(console) as view:
        result = play(options, view)
    page = write_run_report(result, report)
    if as_json:
        typer.echo(json.dumps(result.to_json()))
    else:
        print_summary(result, console)
    if gaps:
        console.print(gaps, highlight=False)
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)
    if not result.ok:
        raise typer.Exit(1)


def _checked(replay: Path) -> str:
    """Read the folder before anything is started; return what is said of it. Raises `BadInput`."""
    from pumpwatch_workbench.recordings import RecordedFolder  # noqa: PLC0415 - slow imports
    from pumpwatch_workbench.simulator.market.replay.recording import counted_events  # noqa: PLC0415

    recorded = RecordedFolder(replay, needs_segments=False)
    counted_events(recorded)
    return recorded.check()


def _options(
    symbols: int,
    seed: int,
    hours: float,
    replay: Path | None,
    detector: Detector,
    strategy: Strategy,
) -> RunOptions:
    from pumpwatch_workbench.play.run.options import RunOptions  # noqa: PLC0415

    if not 1 <= symbols <= MAX_SYMBOLS:
        raise BadInput(f"--symbols is {symbols}: give a number from 1 to {MAX_SYMBOLS}")
    if seed < 0:
        raise BadInput(f"--seed is {seed}: give a number of at least 0")
    if seed > MAX_SEED:
        raise BadInput(f"--seed is {seed}: give a number of at most {MAX_SEED}")
    if not 0.5 <= hours <= MAX_HOURS:  # noqa: PLR2004 - a pump needs its half hour
        raise BadInput(f"--hours is {hours:g}: give a number from 0.5 to {MAX_HOURS:g}")
    return RunOptions(
        symbols=symbols,
        seed=seed,
        minutes=round(hours * 60),
        replay=replay,
        detector=detector.value,
        strategy=strategy.value,
    )
