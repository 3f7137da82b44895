"""`pumpwatch import`: candles and trades of other programs, as a folder of recordings."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch_workbench.cli.options import AsJson
from pumpwatch_workbench.cli.progress import errors, track
from pumpwatch_workbench.recordings.tables import moment
from pumpwatch_workbench.research.importing.files import find_files
from pumpwatch_workbench.research.importing.importer import ImportedSymbol, Importer
from pumpwatch_workbench.research.importing.names import interval_of


def import_(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files, or folders.")],
    *,
    out: Annotated[Path, typer.Option(help="The folder to make.")] = Path("candles"),
    symbol: Annotated[str, typer.Option(help="Symbol of files that do not say it.")] = "",
    quote: Annotated[str, typer.Option(help="Quote currency of names such as DOGE.")] = "",
    interval: Annotated[str, typer.Option(help="Length of the candles; seen by default.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a folder of recorded candles from files of other programs.

    Reads candles and trades of freqtrade (Feather, JSON), ccxt (CSV), Binance and Bybit (CSV, zip,
    gz). Says which times, symbols and intervals it sees; leaves out and counts impossible rows.

    Examples:
      pumpwatch import user_data/data/bybit/futures --out candles
      pumpwatch import BTCUSDT-1m-2025-01.zip BTCUSDT-1m-2025-02.zip
      pumpwatch import ohlcv.csv --symbol DOGE/USDT:USDT --out doge
    """
    paths = find_files(files)
    importer = Importer(out, symbol=symbol, quote=quote, interval=interval_of(interval))
    try:
        for path in track(paths, "Files", len(paths)):
            importer.read(path, is_named=path in files)
        segments = importer.finish()
    finally:
        importer.close()
    left_out = asdict(importer.left_out)
    if as_json:
        symbols = {name: asdict(known) for name, known in sorted(importer.symbols.items())}
        found = {"symbols": symbols, "left_out": left_out, "skipped": importer.skipped}
        typer.echo(json.dumps({"folder": str(out), "segments": segments, **found}))
    lines = [_sentence(name, known) for name, known in sorted(importer.symbols.items())]
    lines += [f"Skipped {text}" for text in importer.skipped]
    for kind, rows in left_out["rows"].items():
        lines.append(f"Left out: {_number(rows, 'row')} {kind}, first {left_out['first'][kind]}")
    lines.append(f"{_number(segments, 'segment')}: {out}")
    errors().print("\n".join(lines), soft_wrap=True)


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _sentence(symbol: str, known: ImportedSymbol) -> str:
    lengths = [
        "of 1 minute" if length == MINUTE else f"of {_number(length // SECOND, 'second')}"
        for length in known.intervals
    ]
    if known.trades:
        lengths.append(f"made of {_number(known.trades, 'trade')}")
    holes, missing = _number(known.holes, "hole"), _number(known.minutes_missing, "minute")
    parts = [
        f"{symbol}: {_number(known.candles, 'candle')} {' and '.join(lengths)}",
        f"times in {' and '.join(known.units)}",
        f"{moment(known.begin)} to {moment(known.end)}",
        f"{holes} ({missing})" if known.holes else "no holes",
    ]
    if known.rows_sorted:
        parts.append(f"sorted: {_number(known.rows_sorted, 'row')} came too late")
    if known.turnover_computed:
        parts.append("turnover is close times volume")
    return ", ".join(parts)
