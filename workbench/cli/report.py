"""`pumpwatch report`: what an installation has done, from its journal."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput

if TYPE_CHECKING:
    from workbench.journal.agreement import Label
    from workbench.journal.agreement_figures import Agreement
    from workbench.journal.figures import Figures
    from workbench.journal.period import Period

__all__ = ["report"]


def report(
    *,
    since: Annotated[str, typer.Option(help="How far back, such as 12h or 7d.")] = "7d",
    stage: Annotated[
        str, typer.Option(help="A deployed stage; empty: paper trading on this machine.")
    ] = "",
    store: Annotated[
        Path | None, typer.Option(help="Paper trading's file; empty: ~/.pumpwatch/paper.db.")
    ] = None,
    region: Annotated[
        str, typer.Option(help="AWS region; empty: that of your environment or profile.")
    ] = "",
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
        bool, typer.Option("--json", help="Print one JSON object and write no page.")
    ] = False,
) -> None:
    """Report on events, trades, protections and runs of a stage or of paper trading.

    Writes one page that needs nothing else. With --stage it reads the stack's table and bucket
    with your AWS credentials; nothing is changed anywhere.

    Example: pumpwatch report --since 7d
    """
    from workbench.durations import parse_duration  # noqa: PLC0415 - slow imports below
    from workbench.journal.figures import figures_of  # noqa: PLC0415

    if stage and store is not None:
        raise BadInput("give --stage or --store, not both: a report is about one of them")
    until = time.time_ns() // 1_000_000
    begin = until - parse_duration("--since", since)
    if not as_json:
        from workbench.reports.run_report import check_report_path  # noqa: PLC0415

        check_report_path(out)
    known = None if labels is None else _labels(labels)
    period = _of_stage(stage, region, begin, until) if stage else _of_file(store, begin, until)
    if fetch_candles:
        period = _with_candles(period, fetch_candles)
    figures = figures_of(period, None if known is None else _agreement(known, period))
    if as_json:
        from workbench.journal.document import document_of  # noqa: PLC0415

        typer.echo(json.dumps(document_of(period, figures)))
    else:
        _write(period, figures, out)


def _labels(path: Path) -> list[Label]:
    from workbench.journal.agreement import read_labels  # noqa: PLC0415 - slow imports

    return read_labels(path)


def _agreement(labels: list[Label], period: Period) -> Agreement:
    from workbench.journal.agreement import agreement_of  # noqa: PLC0415 - slow imports

    return agreement_of(labels, period.signals, period.since, period.until)


def _of_file(store: Path | None, since: int, until: int) -> Period:
    from workbench.journal.local import period_of_file  # noqa: PLC0415 - slow imports
    from workbench.paper.options import default_store  # noqa: PLC0415

    return period_of_file(store or default_store(), since, until)


def _of_stage(stage: str, region: str, since: int, until: int) -> Period:
    import boto3  # noqa: PLC0415 - slow imports

    from pumpwatch.adapters.dynamodb import Table  # noqa: PLC0415
    from pumpwatch.adapters.s3 import S3HistoryStore  # noqa: PLC0415
    from workbench.journal.stack import A_MINUTE, deployment_of_stage, period_of_stack  # noqa: PLC0415

    session = boto3.session.Session()
    where = region or session.region_name or os.environ.get("AWS_REGION", "")
    if not where:
        raise BadInput("no region is set: give --region, for example --region eu-central-1")
    found = deployment_of_stage(session.client("cloudformation", region_name=where), stage)
    return period_of_stack(
        Table(found.outputs["StateTable"], session.client("dynamodb", region_name=where)),
        S3HistoryStore(found.outputs["HistoryBucket"], session.client("s3", region_name=where)),
        stage=stage,
        since=since,
        until=until,
        scan_seconds=int(found.parameters.get("ScanIntervalSeconds") or A_MINUTE),
    )


def _with_candles(period: Period, base_url: str) -> Period:
    from dataclasses import replace  # noqa: PLC0415

    from pumpwatch.adapters.bybit import BybitMarketData, BybitSession  # noqa: PLC0415
    from pumpwatch.settings import SharedSettings, load_settings  # noqa: PLC0415
    from workbench.journal.candles import fetched_candles  # noqa: PLC0415

    settings = load_settings(SharedSettings, {"TABLE_NAME": "none", "BYBIT_BASE_URL": base_url})
    session = BybitSession(settings.bybit_base_url)
    try:
        market = BybitMarketData(session)
        return replace(period, candles=fetched_candles(market, period.signals, period.candles))
    finally:
        session.close()


def _write(period: Period, figures: Figures, out: Path) -> None:
    from rich.console import Console  # noqa: PLC0415 - slow imports

    from workbench.reports.journal_kpi_tables import kpi_table  # noqa: PLC0415
    from workbench.reports.journal_page import render_journal  # noqa: PLC0415
    from workbench.reports.journal_tables import journal_tiles  # noqa: PLC0415
    from workbench.reports.run_report import write_page  # noqa: PLC0415
    from workbench.reports.terminal import (  # noqa: PLC0415
        WIDE,
        terminal_table,
        tiles_grid,
        wide_enough,
    )

    page = write_page(render_journal(period, figures), out)
    console = wide_enough(Console(highlight=False))
    console.print(tiles_grid(journal_tiles(figures)))
    console.print()
    narrow = console.width < WIDE
    console.print(terminal_table(kpi_table(figures), "Key figures", narrow=narrow))
    console.print()
    console.print(f"Report: {page}", soft_wrap=True)
