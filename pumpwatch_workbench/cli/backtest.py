"""`pumpwatch backtest`: what trading on the signals would have made on recorded candles."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, Detector, Folder, QuotePrice, Setting, Strategy

if TYPE_CHECKING:
    from pumpwatch_workbench.research.backtest.engine import BacktestOutcome
    from pumpwatch_workbench.research.backtest.page import BacktestReport
    from pumpwatch_workbench.research.backtest.recordings import Recordings
    from pumpwatch_workbench.research.backtest.settings import BacktestSettings

NEVER = 1 << 62


def backtest(
    folder: Folder,
    *,
    strategy: Annotated[Strategy, typer.Option(help="What to do about a pump.")] = Strategy.FADE,
    detector: Annotated[Detector, typer.Option(help="The rule.")] = Detector.BOOSTED,
    set_: Setting = None,
    from_: Annotated[str, typer.Option("--from", help="Trade on signals from then on.")] = "",
    to: Annotated[str, typer.Option("--to", help="Look at no candle from then on.")] = "",
    quote_price: QuotePrice = None,
    report: Annotated[Path, typer.Option(help="Where the report page goes.")] = Path(
        "build/backtest-report.html"
    ),
    as_json: AsJson = False,
) -> None:
    """Trade a strategy on recorded candles, with all costs, and report what it would have made.

    The same rules as in production decide: detection, events, strategy, limits, sizing,
    protections, stops. Candles stream from Parquet, so a market of any size fits into memory.
    """
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed

    from pumpwatch_workbench.kept_memory import keep_freed_memory  # noqa: PLC0415
    from pumpwatch_workbench.pages.files import check_report_path, write_page  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.page import (  # noqa: PLC0415
        BacktestReport,
        print_backtest,
        render_backtest,
    )
    from pumpwatch_workbench.research.backtest.recordings import Recordings  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.results import (  # noqa: PLC0415
        results_of,
        suspicions,
    )
    from pumpwatch_workbench.research.backtest.settings import pairs_from, read_settings  # noqa: PLC0415

    keep_freed_memory()
    settings = read_settings(pairs_from(set_ or ()), strategy=strategy, detector=detector)
    begin, end = period_of(from_, to)
    check_report_path(report)
    recordings = Recordings(folder, quote_price=quote_price)
    console = Console(stderr=as_json)
    outcome = _run(recordings, settings, begin, end)
    recordings.check_length(settings.detect.warm_up_minutes)
    results = results_of(outcome, recordings.labels)
    found = BacktestReport(
        source=folder.resolve().name,
        outcome=outcome,
        results=results,
        suspicions=suspicions(outcome, results),
        quote_price=recordings.quote_price,
    )
    page = write_page(render_backtest(found), report)
    if as_json:
        typer.echo(json.dumps({**_json(found), "minutes": recordings.minutes}))
    else:
        print_backtest(found, console)
    if recordings.quote_price != 1 and not recordings.quote_price_was_given:
        console.print(
            "No symbol names USDT, and a market in USDT turns over more: taken to be in another"
            f" coin and multiplied by {recordings.quote_price:g}, the power of ten that gives a"
            " market of ordinary size. --quote-price sets another one.",
            highlight=False,
        )
    if gaps := recordings.gaps():
        console.print(gaps, highlight=False)
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)


def period_of(begin: str, end: str) -> tuple[int, int]:
    """Return `--from` and `--to` in milliseconds UTC. Raises `BadInput` for an empty period."""
    first, last = _instant("--from", begin, 0), _instant("--to", end, NEVER)
    if last <= first:
        raise BadInput(f"the period from {begin or 'the start'} to {end} is empty: swap its ends")
    return first, last


def _instant(name: str, text: str, otherwise: int) -> int:
    if not text:
        return otherwise
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{name} is {text!r}: give a time such as 2026-11-02T00:00:00Z") from None
    return round(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp() * 1000)


def _run(
    recordings: Recordings, settings: BacktestSettings, begin: int, end: int
) -> BacktestOutcome:
    from pumpwatch_workbench.cli.progress import track  # noqa: PLC0415
    from pumpwatch_workbench.research.backtest.engine import run_backtest  # noqa: PLC0415

    blocks = track(
        recordings.blocks(begin=begin, end=end), "Segments of candles", len(recordings.segments)
    )
    outcome = run_backtest(blocks, settings, begin=begin, end=end)
    if outcome.coverage.candles == 0 or outcome.coverage.end <= begin:
        raise BadInput(f"{recordings.folder} has no candle in this period: name another one")
    return outcome


def _json(report: BacktestReport) -> dict[str, object]:
    from pumpwatch.adapters.records import record_fields  # noqa: PLC0415 - slow imports
    from pumpwatch_workbench.pages.words import plain  # noqa: PLC0415

    coverage, settings = report.outcome.coverage, report.outcome.settings
    return {
        "strategy": settings.trade.strategy_name,
        "detector": settings.detect.detector,
        "settings": settings.changed,
        "begin": coverage.begin,
        "end": coverage.end,
        "symbols": len(coverage.symbols),
        "candles": coverage.candles,
        "alarms": report.outcome.alarms,
        **report.results.to_json(),
        "closed": [plain(record_fields(trade)) for trade in report.outcome.trades],
        "quote_price": report.quote_price,
        "warnings": list(report.suspicions),
    }
