"""`pumpwatch compare`: what live or paper trading made against the simulation of the period."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.backtest import period_of
from pumpwatch_workbench.cli.options import (
    AsJson,
    Detector,
    Folder,
    QuotePrice,
    Region,
    Setting,
    Strategy,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pumpwatch.domain.trading.trades import Trade


def compare(
    folder: Folder,
    *,
    table: Annotated[
        str, typer.Option(help="The stack's table (output StateTable); uses AWS credentials.")
    ] = "",
    journal: Annotated[
        Path | None, typer.Option(help="A journal exported before, instead of the table.")
    ] = None,
    from_: Annotated[str, typer.Option("--from", help="Trades created from then on, ISO 8601.")],
    to: Annotated[str, typer.Option("--to", help="Up to here, excluded.")] = "",
    region: Region = "",
    strategy: Annotated[
        Strategy | None, typer.Option(help="As it was traded; found out by default.")
    ] = None,
    detector: Annotated[Detector, typer.Option(help="The rule.")] = Detector.BOOSTED,
    set_: Setting = None,
    quote_price: QuotePrice = None,
    export: Annotated[
        Path | None, typer.Option(help="Also write the journal's trades to this file.")
    ] = None,
    report: Annotated[Path, typer.Option(help="Where the report page goes.")] = Path(
        "build/compare-report.html"
    ),
    as_json: AsJson = False,
) -> None:
    """Replay a period's candles, pair the simulated trades with the journal's, explain the rest.

    Give the settings that were in force with --set, and candles that begin a day and more before
    the period (pumpwatch download).
    """
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed

    from pumpwatch_workbench.cli.progress import track  # noqa: PLC0415
    from pumpwatch_workbench.kept_memory import keep_freed_memory  # noqa: PLC0415
    from pumpwatch_workbench.pages.files import check_report_path, write_page  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.engine import run_backtest  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.recordings import Recordings  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.settings import pairs_from, read_settings  # noqa: PLC0415
    from pumpwatch_workbench.research.comparison.compare import compare_with  # noqa: PLC0415
    from pumpwatch_workbench.research.comparison.journal import export_trades  # noqa: PLC0415
    from pumpwatch_workbench.research.comparison.page import (  # noqa: PLC0415
        ComparisonReport,
        print_comparison,
        render_comparison,
    )

    keep_freed_memory()
    begin, end = period_of(from_, to)
    check_report_path(report)
    recordings = Recordings(folder, quote_price=quote_price)
    trades = _trades(table, journal, region, begin, end)
    traded = strategy or _strategy_of(trades)
    settings = read_settings(pairs_from(set_ or ()), strategy=traded, detector=detector)
    if export is not None:
        export_trades(trades, export)
    blocks = track(recordings.blocks(end=end), "Segments of candles", len(recordings.segments))
    outcome = run_backtest(blocks, settings, begin=begin, end=end)
    if outcome.coverage.candles == 0 or outcome.coverage.end <= begin:
        raise BadInput(f"{folder} has no candle in this period: download it first")
    recordings.check_length(settings.detect.warm_up_minutes)
    found = compare_with(outcome, trades)
    detected, period = settings.detect.detector, (begin, min(end, outcome.coverage.end))
    shown = ComparisonReport(found, folder.resolve().name, traded, detected, *period)
    page = write_page(render_comparison(shown), report)
    console = Console(stderr=as_json)
    if as_json:
        typer.echo(
            json.dumps({"strategy": traded, **found.to_json(), "minutes": recordings.minutes})
        )
    else:
        print_comparison(found, console)
    if gaps := recordings.gaps():
        console.print(gaps, highlight=False)
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)


def _trades(table: str, journal: Path | None, region: str, begin: int, end: int) -> list[Trade]:
    from pumpwatch.adapters.dynamodb import DynamoJournal, Table  # noqa: PLC0415
    from pumpwatch_workbench.cli.aws import clients_in  # noqa: PLC0415
    from pumpwatch_workbench.research.comparison.journal import read_export, trades_between  # noqa: PLC0415

    if bool(table) == (journal is not None):
        raise BadInput("name the journal: either --table or --journal")
    if journal is not None:
        return [one for one in read_export(journal) if begin <= one.created < end]
    _, client = clients_in(region)
    return trades_between(DynamoJournal(Table(table, client("dynamodb"))), begin, end)


def _strategy_of(trades: Sequence[Trade]) -> str:
    names = sorted({trade.strategy for trade in trades})
    if len(names) == 1:
        return names[0]
    if not names:
        raise BadInput("the journal has no trade in this period: check --from and --to")
    raise BadInput(f"the journal's trades are of {', '.join(names)}: choose one with --strategy")
