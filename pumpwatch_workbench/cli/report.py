"""`pumpwatch report`: what an installation has done, from its journal."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.errors import BadInput, RetryLater, StopTrading
from pumpwatch_workbench.calendar_sums import DAYS, WEEKS, calendar_table
from pumpwatch_workbench.cli.aws import clients_in
from pumpwatch_workbench.cli.operating import Choice, ModeOfTrades, Store
from pumpwatch_workbench.cli.options import ExportFolder, Region
from pumpwatch_workbench.cli.progress import busy
from pumpwatch_workbench.cli.times import parse_duration
from pumpwatch_workbench.export import check_export, write_tables
from pumpwatch_workbench.local.store import Database
from pumpwatch_workbench.operations.journal.agreement import agreement_of, read_labels
from pumpwatch_workbench.operations.journal.candles import fetched_candles
from pumpwatch_workbench.operations.journal.document import document_of
from pumpwatch_workbench.operations.journal.figures import Figures, figures_of
from pumpwatch_workbench.operations.journal.kpi_tables import kpi_table
from pumpwatch_workbench.operations.journal.page import render_journal
from pumpwatch_workbench.operations.journal.page_tables import journal_tiles
from pumpwatch_workbench.operations.journal.period import Period, of_mode, period_of_file
from pumpwatch_workbench.operations.overview import time_of_store
from pumpwatch_workbench.operations.stack import DeployedStack
from pumpwatch_workbench.pages.files import check_report_path, write_page
from pumpwatch_workbench.pages.terminal import print_tables, tiles_grid, wide_enough
from pumpwatch_workbench.processes import relax_collector


def report(
    *,
    since: Annotated[str, typer.Option(help="How far back, such as 12h or 7d.")] = "7d",
    stage: Annotated[
        str, typer.Option(help="A deployed stage; empty: a store on this machine.")
    ] = "",
    store: Store = None,
    mode: ModeOfTrades = None,
    region: Region = "",
    candles: Annotated[
        bool,
        typer.Option(
            "--candles/--no-candles", help="Ask Bybit for candles of events that are not kept."
        ),
    ] = True,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Known pumps, as events.csv in docs/data-format.md, to judge by."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the page goes.")] = Path(
        "build/journal-report.html"
    ),
    export_to: ExportFolder = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on standard output and write no page.")
    ] = False,
) -> None:
    """Report on events, trades, protections and runs of an installation.

    Writes a page that needs no other file, about the running or newest store on this machine, and
    the trades of one mode: the newest trade's, or --mode. With --stage it reads the stack's table,
    bucket and logs with your AWS credentials; nothing is changed anywhere.

    Examples:
      pumpwatch report --since 7d
      pumpwatch report --stage prod --region eu-central-1 --json
    """
    if stage and store is not None:
        raise BadInput("give --stage or --store, not both: a report is about one of them")
    length, until = parse_duration("--since", since), time.time_ns() // 1_000_000
    if not as_json:
        check_report_path(out)
    check_export(export_to)
    relax_collector()
    with busy("Reading the journal"):
        if stage:
            period = of_stage(stage, region, until - length, until)
        else:
            path = Choice(store, mode if store is None else None).first_store()
            with closing(Database(path, writable=False)) as database:
                until = time_of_store(database)
            period = period_of_file(path, until - length, until)
    period = of_mode(period, mode)
    if candles and period.bybit and not as_json:
        with busy("Asking for candles"):
            period = _with_candles(period)
    agreement = None
    if labels is not None:
        agreement = agreement_of(read_labels(labels), period.signals, period.since, period.until)
    figures = figures_of(period, agreement)
    if export_to is not None:
        write_tables(export_to, period.tables)
    if as_json:
        typer.echo(json.dumps(document_of(period, figures)))
    else:
        _write(period, figures, out)
        typer.echo(f"About {period.source}")


def of_stage(stage: str, region: str, since: int, until: int) -> Period:
    """Return what a deployed stage's table, bucket and logs say."""
    from pumpwatch_workbench.operations.journal import stack as stages  # noqa: PLC0415 - slow

    stack = DeployedStack.of_stage(stage, *clients_in(region))
    return stages.period_of_stack(stack, since, until)


def _with_candles(period: Period) -> Period:
    """Return the period with candles of its latest events; without a network with those it has."""
    from pumpwatch.adapters.bybit.market_data import BybitMarketData  # noqa: PLC0415 - slow
    from pumpwatch_workbench.cli.bybit import public_session  # noqa: PLC0415 - slow

    with closing(public_session(period.bybit)) as session:
        try:
            known = fetched_candles(
                BybitMarketData(session), period.signals, period.candles, period.until
            )
        except (RetryLater, StopTrading) as error:
            typer.echo(
                f"Some charts are missing, {period.bybit} gives no candles: {error}", err=True
            )
            return period
    return replace(period, candles=known)


def _write(period: Period, figures: Figures, out: Path) -> None:
    with busy("Drawing the page"):
        page = write_page(render_journal(period, figures), out)
    console = wide_enough(Console(highlight=False))
    console.print(tiles_grid(journal_tiles(figures)), end="\n\n")
    tables = {
        "Key figures": kpi_table(figures),
        # The page has more of both.
        "Days, UTC": calendar_table("Day", period.calendar(DAYS)[-14:]),
        "Weeks, UTC": calendar_table("Week", period.calendar(WEEKS)[-14:]),
    }
    print_tables(console, tables)
    console.print(f"Report: {page}", soft_wrap=True)
