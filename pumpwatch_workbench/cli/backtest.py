"""`pumpwatch backtest`: what trading on the signals would have made on recorded candles."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.adapters.records import record_fields
from pumpwatch.errors import BadInput
from pumpwatch.settings.overrides import pairs_from
from pumpwatch_workbench.cli.options import (
    AsJson,
    ConfigFile,
    DetectorOption,
    ExportFolder,
    Folder,
    QuotePrice,
    ReportPage,
    Setting,
    StrategyOption,
)
from pumpwatch_workbench.cli.printing import print_end
from pumpwatch_workbench.cli.progress import track
from pumpwatch_workbench.cli.times import period_of
from pumpwatch_workbench.export import check_export, write_tables
from pumpwatch_workbench.pages.files import check_report_path, write_page
from pumpwatch_workbench.pages.words import plain
from pumpwatch_workbench.processes import keep_freed_memory
from pumpwatch_workbench.research.backtest.engine import BacktestOutcome, run_backtest
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.backtest.page import print_backtest, render_backtest
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.backtest.results import Results, results_of, suspicions
from pumpwatch_workbench.research.backtest.settings import (
    BacktestSettings,
    read_settings,
    settings_of_file,
)
from pumpwatch_workbench.research.sample import sample_warning


def backtest(
    folder: Folder,
    *,
    strategy: StrategyOption = None,
    detector: DetectorOption = None,
    set_: Setting = None,
    config: ConfigFile = None,
    from_: Annotated[str, typer.Option("--from", help="Trade on signals from then on.")] = "",
    to: Annotated[str, typer.Option("--to", help="Look at no candle from then on.")] = "",
    quote_price: QuotePrice = None,
    report: ReportPage = Path("build/backtest-report.html"),
    export_to: ExportFolder = None,
    as_json: AsJson = False,
) -> None:
    """Trade a strategy on recorded candles, with all costs.

    The same rules as in production decide: detection, events, strategy, limits, sizing,
    protections, stops. Candles stream from Parquet, so a market of any size fits into memory.

    Examples:
      pumpwatch backtest candles
      pumpwatch backtest candles --strategy ride --set max_open_positions=2 --json
    """
    keep_freed_memory()
    pairs = settings_of_file(config) | pairs_from(set_ or (), "--set")
    settings = read_settings(pairs, strategy=strategy, detector=detector)
    begin, end = period_of(from_, to)
    check_report_path(report)
    check_export(export_to)
    recordings = Recordings(folder, quote_price=quote_price)
    console = Console(stderr=as_json)
    blocks = recordings.blocks(begin=begin, end=end)
    outcome = outcome_of(recordings, blocks, settings, begin, end)
    results = results_of(outcome, recordings.labels)
    if export_to is not None:
        write_tables(export_to, results.tables)
    doubts = suspicions(outcome, results)
    doubts += sample_warning(settings.detect.detector, recordings.fingerprints)
    source, quote = folder.resolve().name, recordings.quote_price
    page = write_page(render_backtest(source, outcome, results, doubts, quote), report)
    if as_json:
        more = {"quote_price": quote, "warnings": doubts, "minutes": recordings.minutes}
        typer.echo(json.dumps({**_json(outcome, results), **more}))
    else:
        print_backtest(settings.trade.strategy_name, results, doubts, console)
    if quote != 1 and not recordings.quote_price_was_given:
        console.print(
            "No symbol names USDT, and a market in USDT turns over more: taken to be in another"
            f" coin and multiplied by {quote:g}, the power of ten that gives a"
            " market of ordinary size. --quote-price sets another one.",
            highlight=False,
        )
    print_end(console, recordings.gaps(), report=page)


def outcome_of(
    recordings: Recordings,
    blocks: Iterable[Block],
    settings: BacktestSettings,
    begin: int,
    end: int,
) -> BacktestOutcome:
    """Trade on blocks of the recordings. Raises `BadInput` for a period without candles."""
    shown = track(blocks, "Segments of candles", len(recordings.segments))
    outcome = run_backtest(shown, settings, begin=begin, end=end)
    if outcome.coverage.candles == 0 or outcome.coverage.end <= begin:
        raise BadInput(f"{recordings.folder} has no candle in this period: name another period")
    recordings.check_length(settings.detect.warm_up_minutes)
    return outcome


def _json(outcome: BacktestOutcome, results: Results) -> dict[str, object]:
    coverage, settings = outcome.coverage, outcome.settings
    return {
        "strategy": settings.trade.strategy_name,
        "detector": settings.detect.detector,
        "settings": settings.changed,
        "begin": coverage.begin,
        "end": coverage.end,
        "symbols": len(coverage.symbols),
        "candles": coverage.candles,
        "alarms": outcome.alarms,
        **results.to_json(),
        "closed": [plain(record_fields(trade)) for trade in outcome.trades],
    }
