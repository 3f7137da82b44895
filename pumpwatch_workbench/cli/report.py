"""`pumpwatch report`: what an installation has done, from its journal."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import Region, checked_address

if TYPE_CHECKING:
    from pumpwatch_workbench.operations.journal.agreement import Label
    from pumpwatch_workbench.operations.journal.agreement_figures import Agreement
    from pumpwatch_workbench.operations.journal.figures import Figures
    from pumpwatch_workbench.operations.journal.period import Period


def report(
    *,
    since: Annotated[str, typer.Option(help="How far back, such as 12h or 7d.")] = "7d",
    stage: Annotated[
        str, typer.Option(help="A deployed stage; empty: paper trading on this machine.")
    ] = "",
    store: Annotated[
        Path | None, typer.Option(help="Paper trading's file; empty: ~/.pumpwatch/paper.db.")
    ] = None,
    region: Region = "",
    fetch_candles: Annotated[
        str,
        typer.Option(
            help="Ask this Bybit for candles that are not kept, such as https://api.bybit.com."
        ),
    ] = "",
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Known pumps, as events.csv in docs/data-format.md, to judge by."
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Where the page goes.")] = Path(
        "build/journal-report.html"
    ),
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON on standard output and write no page.")
    ] = False,
) -> None:
    """Report on events, trades, protections and runs of a stage or of paper trading.

    Writes one page that needs nothing else. With --stage it reads the stack's table,
    bucket and logs with your AWS credentials; nothing is changed anywhere.
    """
    from pumpwatch_workbench.cli.durations import parse_duration  # noqa: PLC0415
    from pumpwatch_workbench.cli.progress import busy  # noqa: PLC0415 - slow imports
    from pumpwatch_workbench.operations.journal.figures import figures_of  # noqa: PLC0415

    if stage and store is not None:
        raise BadInput("give --stage or --store, not both: a report is about one of them")
    until = time.time_ns() // 1_000_000
    begin = until - parse_duration("--since", since)
    if not as_json:
        from pumpwatch_workbench.pages.files import check_report_path  # noqa: PLC0415

        check_report_path(out)
    known = None if labels is None else _labels(labels)
    with busy("Reading the journal"):
        period = _of_stage(stage, region, begin, until) if stage else _of_file(store, begin, until)
    if fetch_candles:
        with busy("Asking for candles"):
            period = _with_candles(period, fetch_candles)
    figures = figures_of(period, None if known is None else _agreement(known, period))
    if as_json:
        from pumpwatch_workbench.operations.journal.document import document_of  # noqa: PLC0415

        typer.echo(json.dumps(document_of(period, figures)))
    else:
        _write(period, figures, out)


def _labels(path: Path) -> list[Label]:
    from pumpwatch_workbench.operations.journal.agreement import read_labels  # noqa: PLC0415 - slow imports

    return read_labels(path)


def _agreement(labels: list[Label], period: Period) -> Agreement:
    from pumpwatch_workbench.operations.journal.agreement import agreement_of  # noqa: PLC0415 - slow imports

    return agreement_of(labels, period.signals, period.since, period.until)


def _of_file(store: Path | None, since: int, until: int) -> Period:
    from pumpwatch_workbench.operations.journal.local import period_of_file  # noqa: PLC0415 - slow imports
    from pumpwatch_workbench.play.paper.options import default_store  # noqa: PLC0415

    return period_of_file(store or default_store(), since, until)


def _of_stage(stage: str, region: str, since: int, until: int) -> Period:
    from pumpwatch.adapters.dynamodb import Table  # noqa: PLC0415
    from pumpwatch.adapters.s3 import S3HistoryStore  # noqa: PLC0415
    from pumpwatch_workbench.cli.aws import clients_in  # noqa: PLC0415
    from pumpwatch_workbench.operations.journal.stack import (  # noqa: PLC0415
        deployment_of_stage,
        logs_of_stack,
        period_of_stack,
    )

    _, client = clients_in(region)
    found = deployment_of_stage(client("cloudformation"), stage)
    return period_of_stack(
        Table(found.outputs["StateTable"], client("dynamodb")),
        S3HistoryStore(found.outputs["HistoryBucket"], client("s3")),
        stage=stage,
        since=since,
        until=until,
        scan_seconds=found.scan_seconds,
        logs=logs_of_stack(client("logs"), found, since, until),
    )


def _with_candles(period: Period, base_url: str) -> Period:
    from dataclasses import replace  # noqa: PLC0415

    from pumpwatch.adapters.bybit import BybitMarketData, BybitSession  # noqa: PLC0415
    from pumpwatch_workbench.operations.journal.candles import fetched_candles  # noqa: PLC0415
    from pumpwatch_workbench.simulator.market_time import exchange_time_for  # noqa: PLC0415

    address = checked_address("--fetch-candles", base_url)
    session = BybitSession(address, exchange_time=exchange_time_for(address))
    try:
        market = BybitMarketData(session)
        return replace(period, candles=fetched_candles(market, period.signals, period.candles))
    finally:
        session.close()


def _write(period: Period, figures: Figures, out: Path) -> None:
    from rich.console import Console  # noqa: PLC0415 - slow imports

    from pumpwatch_workbench.cli.progress import busy  # noqa: PLC0415
    from pumpwatch_workbench.operations.journal.kpi_tables import kpi_table  # noqa: PLC0415
    from pumpwatch_workbench.operations.journal.page import render_journal  # noqa: PLC0415
    from pumpwatch_workbench.operations.journal.page_tables import journal_tiles  # noqa: PLC0415
    from pumpwatch_workbench.pages.files import write_page  # noqa: PLC0415
    from pumpwatch_workbench.pages.terminal import (  # noqa: PLC0415
        WIDE,
        terminal_table,
        tiles_grid,
        wide_enough,
    )

    with busy("Drawing the page"):
        page = write_page(render_journal(period, figures), out)
    console = wide_enough(Console(highlight=False))
    console.print(tiles_grid(journal_tiles(figures)))
    console.print()
    narrow = console.width < WIDE
    console.print(terminal_table(kpi_table(figures), "Key figures", narrow=narrow))
    console.print()
    console.print(f"Report: {page}", soft_wrap=True)
