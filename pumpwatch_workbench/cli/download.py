"""`pumpwatch download`: one-minute candles from Bybit into a folder for backtests."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, BaseUrl, checked_address

if TYPE_CHECKING:
    from rich.console import Console

    from pumpwatch.ports import MarketData
    from pumpwatch_workbench.research.download.assemble import Downloaded
    from pumpwatch_workbench.research.download.plan import DownloadPart, Workspace

MOST_SHOWN = 20
MINUTE = 60_000
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
        int, typer.Option(help="At most so many, 1 to 110; Bybit allows 120.", min=1, max=110)
    ] = 60,
    parallel: Annotated[int, typer.Option(help="Requests at a time, 1 to 16.", min=1, max=16)] = 8,
    as_json: AsJson = False,
) -> None:
    """Download one-minute candles of USDT perpetuals. Needs no key.

    Writes candles.parquet, segments.csv and contracts.csv, see docs/data-format.md. Interrupted,
    it goes on where it was when it is given the same options. Minutes that the exchange does not
    give are reported; after an hour of them a new segment begins.
    """
    from pumpwatch.adapters.bybit import BybitMarketData, BybitSession  # noqa: PLC0415 - slow
    from pumpwatch_workbench.cli.progress import errors  # noqa: PLC0415
    from pumpwatch_workbench.research.download.assemble import assemble  # noqa: PLC0415
    from pumpwatch_workbench.research.download.plan import (  # noqa: PLC0415
        DownloadRequest,
        Workspace,
        chosen_symbols,
    )
    from pumpwatch_workbench.simulator.market_time import exchange_time_for  # noqa: PLC0415

    begin, end = _period(from_, to)
    address = checked_address("--base-url", base_url)
    session = BybitSession(
        address,
        requests_per_second=requests_per_second,
        threads=parallel,
        exchange_time=exchange_time_for(address),
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
    found = assemble(workspace, parts, contracts)
    if as_json:
        typer.echo(json.dumps(_json(found, out)))
    else:
        _report(found, out, console)
    if not found.candles:
        raise BadInput("the exchange has no candle of these contracts in this period")


def _period(begin: str, end: str) -> tuple[int, int]:
    from pumpwatch_workbench.cli.backtest import period_of  # noqa: PLC0415

    first, last = period_of(begin, end)
    if first < FIRST_CANDLE:
        raise BadInput(f"--from is {begin}: Bybit has no candles of perpetuals before 2018")
    return -(-first // MINUTE) * MINUTE, last // MINUTE * MINUTE


def _fetch(
    market: MarketData, workspace: Workspace, parts: list[DownloadPart], parallel: int
) -> None:
    from pumpwatch_workbench.cli.progress import stepping  # noqa: PLC0415
    from pumpwatch_workbench.research.download.fetch import fetch_parts  # noqa: PLC0415

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


def _json(found: Downloaded, out: Path) -> dict[str, object]:
    gaps = [
        {"symbol": gap.symbol, "begin": gap.begin, "end": gap.end, "minutes": gap.minutes}
        for gap in found.gaps
    ]
    return {
        "folder": str(out),
        "candles": found.candles,
        "segments": found.segments,
        "gaps": gaps,
    }


def _report(found: Downloaded, out: Path, console: Console) -> None:
    from pumpwatch_workbench.recordings.tables import moment  # noqa: PLC0415

    for gap in found.gaps[:MOST_SHOWN]:
        console.print(
            f"Gap: {gap.symbol}, {gap.minutes} minutes from {moment(gap.begin)}", highlight=False
        )
    if len(found.gaps) > MOST_SHOWN:
        console.print(f"... and {len(found.gaps) - MOST_SHOWN} more gaps", highlight=False)
    console.print(f"{found.candles:,} candles in {found.segments} segments: {out}", highlight=False)
