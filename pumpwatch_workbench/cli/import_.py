"""`pumpwatch import`: candles and trades of other programs, as a folder of recordings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from pumpwatch_workbench.cli.options import AsJson
from pumpwatch_workbench.cli.progress import errors, track
from pumpwatch_workbench.research.importing.files import find_files
from pumpwatch_workbench.research.importing.importer import Importer


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files, or folders.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder to make.")] = Path("candles"),
    symbol: Annotated[str, typer.Option(help="Symbol of files that do not say it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a folder of recorded candles from files of other programs.

    Reads candles and trades of freqtrade (Feather, JSON), ccxt (CSV), Binance and Bybit (CSV, zip,
    gz). Says which times, symbols and intervals it sees; leaves out and counts impossible rows.

    Exit status 1: a file of a folder was skipped that by its name should be good.

    Examples:
      pumpwatch import user_data/data/bybit/futures --out candles
      pumpwatch import BTCUSDT-1m-2025-01.zip BTCUSDT-1m-2025-02.zip
      pumpwatch import ohlcv.csv --symbol DOGE/USDT:USDT --out doge
    """
    paths = find_files(files)
    importer = Importer(out, symbol)
    try:
        for path in track(paths, "Files", len(paths)):
            importer.read(path, is_named=path in files)
        segments = importer.finish()
    finally:
        importer.close()
    if as_json:
        omitted = {"left_out": importer.left_out, "skipped": importer.skipped}
        said = {"folder": str(out), "segments": segments, "symbols": importer.symbols} | omitted
        typer.echo(json.dumps(said))
    lines = [
        f"{symbol}: {', '.join(f'{what} {value}' for what, value in known.items())}"
        for symbol, known in importer.symbols.items()
    ]
    lines += [f"Skipped {text}" for text in importer.skipped]
    for kind, (rows, first) in importer.left_out.items():
        lines.append(f"Left out, rows {kind}: {rows:,}, first {first}")
    lines.append(f"Segments: {segments:,} in {out}")
    errors().print("\n".join(lines), soft_wrap=True)
    if not importer.is_whole:
        raise typer.Exit(1)
