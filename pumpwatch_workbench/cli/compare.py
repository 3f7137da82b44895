"""`pumpwatch compare`: what live or paper trading made against the simulation of the period."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import BadInput
from pumpwatch.settings.overrides import pairs_from
from pumpwatch_workbench.cli.aws import clients_in
from pumpwatch_workbench.cli.backtest import outcome_of
from pumpwatch_workbench.cli.operating import Choice, ModeOfTrades, Store
from pumpwatch_workbench.cli.options import (
    AsJson,
    ConfigFile,
    DetectorOption,
    Folder,
    QuotePrice,
    Region,
    ReportPage,
    Setting,
)
from pumpwatch_workbench.cli.printing import print_end
from pumpwatch_workbench.cli.times import period_of
from pumpwatch_workbench.export import read_trades
from pumpwatch_workbench.local.store import Database, SqliteJournal
from pumpwatch_workbench.operations.installation import mode_of, name_of_store
from pumpwatch_workbench.operations.journal.period import of_one_mode
from pumpwatch_workbench.pages.files import check_report_path, write_page
from pumpwatch_workbench.pages.words import date_and_clock
from pumpwatch_workbench.processes import keep_freed_memory
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.backtest.settings import read_settings, settings_of_file
from pumpwatch_workbench.research.comparison.compare import compare_with
from pumpwatch_workbench.research.comparison.page import print_comparison, render_comparison


def compare(
    folder: Folder,
    *,
    table: Annotated[
        str, typer.Option(help="The stack's table (output StateTable); uses AWS credentials.")
    ] = "",
    journal: Annotated[
        Path | None,
        typer.Option(help="A trades.parquet that report --export wrote."),
    ] = None,
    store: Store = None,
    mode: ModeOfTrades = None,
    from_: Annotated[str, typer.Option("--from", help="Trades created from then on, ISO 8601.")],
    to: Annotated[str, typer.Option("--to", help="Up to here, excluded.")] = "",
    region: Region = "",
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="As it was traded; the journal's by default.")
    ] = None,
    detector: DetectorOption = None,
    set_: Setting = None,
    config: ConfigFile = None,
    quote_price: QuotePrice = None,
    report: ReportPage = Path("build/compare-report.html"),
    as_json: AsJson = False,
) -> None:
    """Explain real trades by a simulation of the same period.

    Replays the period's candles and pairs the simulated trades with the journal's: that of the
    running or newest store on this machine, unless another is named. Give the settings that were in
    force with --set or --config, and candles that begin at least a day before the period (pumpwatch
    download).

    Examples:
      pumpwatch compare candles --from 2026-11-01
      pumpwatch compare candles --table pumpwatch-state --from 2026-11-01
      pumpwatch compare candles --journal journal/trades.parquet --from 2026-11-01 --json
    """
    keep_freed_memory()
    begin, end = period_of(from_, to)
    check_report_path(report)
    recordings = Recordings(folder, quote_price=quote_price)
    source, trades = _trades(table, journal, Choice(store, None if store else mode), region, begin)
    trades, _, words = of_one_mode([trade for trade in trades if trade.created < end], mode)
    traded = strategy or _strategy_of(trades)
    pairs = settings_of_file(config) | pairs_from(set_ or (), "--set")
    settings = read_settings(pairs, strategy=traded, detector=detector)
    outcome = outcome_of(recordings, recordings.blocks(end=end), settings, begin, end)
    comparison = compare_with(outcome, trades)
    until = date_and_clock(min(end, outcome.coverage.end))
    subtitle = (
        f"{date_and_clock(begin)} to {until} UTC · candles of {folder.resolve().name}"
        f" · detector {settings.detect.detector}"
    )
    shown = render_comparison(comparison, f"Pumpwatch comparison: {traded}", subtitle)
    page = write_page(shown, report)
    console = Console(stderr=as_json)
    if as_json:
        document = {
            "source": f"{source}, {words}",
            "strategy": traded,
            **comparison.to_json(),
            "minutes": recordings.minutes,
        }
        typer.echo(json.dumps(document))
    else:
        print_comparison(comparison, console)
    console.print(f"Journal: {source}, {words}", soft_wrap=True, highlight=False, markup=False)
    print_end(console, recordings.gaps(), report=page)


def _trades(
    table: str, journal: Path | None, here: Choice, region: str, begin: int
) -> tuple[str, Sequence[Trade]]:
    """Return what the journal is called, and its trades from then on."""
    if (table != "") + (journal is not None) + (here.store is not None) > 1:
        raise BadInput("name one journal: --table, --journal or --store")
    if journal is not None:
        return str(journal), [trade for trade in read_trades(journal) if begin <= trade.created]
    if table:
        _, client = clients_in(region)
        source = DynamoJournal(Table(table, client("dynamodb")))
        return f"table {table}", source.trades_since(begin).require_all()
    with closing(Database(here.first_store(), writable=False)) as database:
        trades = SqliteJournal(database).trades_since(begin).require_all()
        return name_of_store(database.path, mode_of(database)), trades


def _strategy_of(trades: Sequence[Trade]) -> str:
    names = sorted({trade.strategy for trade in trades})
    if len(names) == 1:
        return names[0]
    if not names:
        raise BadInput("the journal has no trade in this period: check --from and --to")
    raise BadInput(f"the journal's trades are of {', '.join(names)}: choose one with --strategy")
