"""`pumpwatch download`: one-minute candles from Bybit into a folder for backtests."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch.ports import MarketData
from pumpwatch_workbench.cli.bybit import checked_address, public_session
from pumpwatch_workbench.cli.options import AsJson, BaseUrl
from pumpwatch_workbench.cli.progress import errors, stepping
from pumpwatch_workbench.cli.times import period_of
from pumpwatch_workbench.pages.words import moment
from pumpwatch_workbench.research.download.assemble import Downloaded, assemble
from pumpwatch_workbench.research.download.fetch import fetch_parts
from pumpwatch_workbench.research.download.plan import (
    DownloadPart,
    DownloadRequest,
    Workspace,
    chosen_symbols,
)

MOST_SHOWN = 20
FIRST_CANDLE = 1_514_764_800_000
"""2018-01-01T00:00:00Z."""


def download(
    *,
    symbols: Annotated[
        list[str], typer.Option(help="Contracts such as BTCUSDT,ETHUSDT; `all` for every one.")
    ],
    from_: Annotated[str, typer.Option("--from", help="First candle, ISO 8601, UTC by default.")],
    to: Annotated[str, typer.Option("--to", help="Up to here, excluded; empty: up to now.")] = "",
    out: Annotated[Path, typer.Option(help="The folder to fill.")] = Path("candles"),
    base_url: BaseUrl = "https://api.bybit.com",
    requests_per_second: Annotated[
        int, typer.Option(help="At most so many, 1 to 90; Bybit allows 120.", min=1, max=90)
    ] = 60,
    parallel: Annotated[int, typer.Option(help="Requests at a time, 1 to 16.", min=1, max=16)] = 8,
    as_json: AsJson = False,
) -> None:
    """Download one-minute candles of USDT perpetuals. Needs no key.

    Writes candles.parquet, segments.csv and contracts.csv, see docs/data-format.md. After an
    interruption the same options continue where it stopped. Minutes that the exchange does not give
    are reported; after an hour of them a new segment begins.

    Examples:
      pumpwatch download --symbols BTCUSDT,DOGEUSDT --from 2026-10-01 --out candles
      pumpwatch download --symbols all --from 2026-11-01 --to 2026-11-08 --out week
    """
    begin, end = _period(from_, to)
    session = public_session(
        checked_address("--base-url", base_url),
        requests_per_second=requests_per_second,
        threads=parallel,
    )
    market = BybitMarketData(session, parallel_requests=parallel)
    console = errors()
    contracts = market.instruments()
    now = market.time() // MINUTE * MINUTE
    if begin >= min(end, now):
        raise BadInput(f"--from {from_} lies in the future: there are no candles yet")
    names = chosen_symbols(symbols, contracts)
    workspace = Workspace(out)
    request = workspace.open(DownloadRequest(names, begin, min(end, now), base_url))
    parts = workspace.parts(request, contracts)
    try:
        _fetch(market, workspace, parts, parallel)
    except BaseException:
        console.print(f"Not finished; give the same command again to go on ({out}).")
        raise
    finally:
        session.close()
    downloaded = assemble(workspace, parts, contracts)
    if as_json:
        typer.echo(json.dumps(_json(downloaded, out)))
    else:
        _report(downloaded, out, console)
    if not downloaded.candles:
        raise BadInput("the exchange has no candle of these contracts in this period")


def _period(begin: str, end: str) -> tuple[int, int]:
    first, last = period_of(begin, end)
    if first < FIRST_CANDLE:
        raise BadInput(f"--from is {begin}: Bybit has no candles of perpetuals before 2018")
    return -(-first // MINUTE) * MINUTE, last // MINUTE * MINUTE


def _fetch(
    market: MarketData, workspace: Workspace, parts: list[DownloadPart], parallel: int
) -> None:
    missing = workspace.missing(parts)
    with stepping("Candles in parts", len(parts)) as steps:
        steps.update(len(parts) - len(missing))
        fetch_parts(
            market,
            workspace,
            missing,
            batch=parallel,
            wait=time.sleep,
            progress=lambda part: steps.advance(part.symbol),
        )


def _json(downloaded: Downloaded, out: Path) -> dict[str, object]:
    return {
        "folder": str(out),
        "candles": downloaded.candles,
        "segments": downloaded.segments,
        "gaps": [asdict(gap) | {"minutes": gap.minutes} for gap in downloaded.gaps],
    }


def _report(downloaded: Downloaded, out: Path, console: Console) -> None:
    gaps = downloaded.gaps
    lines = [
        f"Gap: {gap.symbol}, {gap.minutes} minutes from {moment(gap.begin)}"
        for gap in gaps[:MOST_SHOWN]
    ]
    if len(gaps) > MOST_SHOWN:
        lines.append(f"... and {len(gaps) - MOST_SHOWN} more gaps")
    lines.append(f"{downloaded.candles:,} candles in {downloaded.segments} segments: {out}")
    for line in lines:
        console.print(line, highlight=False)
