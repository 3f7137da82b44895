"""Read a table of another program: which of its columns is what.

A header names the columns; without one their number tells. Sources: the data handlers of freqtrade,
`fetch_ohlcv` of ccxt, github.com/binance/binance-public-data, files of public.bybit.com.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from operator import itemgetter
from pathlib import Path

import polars as pl

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings.folder import BATCH
from pumpwatch_workbench.recordings.parquet import PRICES, unreadable

from .files import DAMAGED, pieces_of
from .names import read_name

NAMES = {
    "time": "opentime timestamp date datetime time startat starttime transacttime ts unix",
    "symbol": "symbol pair", "open": "open", "high": "high", "low": "low", "close": "close",
    "volume": "volume vol basevolume", "price": "price", "quantity": "quantity qty size amount",
    "turnover": "turnover quotevolume quoteassetvolume quoteqty foreignnotional cost",
    "side": "side isbuyermaker buyerismaker buyerismarketmaker", "id": "id trdmatchid aggtradeid",
}  # fmt: skip
MEANING = {word: name for name, words in NAMES.items() for word in words.split()}
TEXT = ("time", "symbol", "side", "id")
CANDLE, TRADE = ("time", *PRICES, "volume"), ("time", "price", "quantity", "side")
# By the number of columns, and of those that are true or false; freqtrade's trades have a side.
PLAIN = {
    (6, 0): CANDLE,
    (7, 0): (*CANDLE, "turnover"),
    (12, 0): (*CANDLE, "", "turnover"),
    (6, 1): ("id", "price", "quantity", "turnover", "time", "side"),
    (7, 2): ("id", "price", "quantity", "turnover", "time", "side"),
    (7, 1): ("id", "price", "quantity", "", "", "time", "side"),
    (8, 2): ("id", "price", "quantity", "", "", "time", "side"),
    (7, "side"): ("time", "id", "", "side", "price", "quantity", "turnover"),
}


def rows_of(path: Path) -> Iterator[tuple[str, str, bool, pl.DataFrame]]:
    """Yield where a table is, its name's pair and whether that says 1m, and a batch of its rows.

    Raises `BadInput` that begins with where.
    """
    tables: Iterable[tuple[str, Iterator[pl.DataFrame]]] = (
        (where, _rows_of_csv(where, pieces))
        for where, pieces in groupby(pieces_of(path), key=itemgetter(0))
    )
    if path.suffix.lower() == ".feather":
        tables = [(str(path), _rows_of_feather(path))]
    try:
        for where, batches in tables:
            pair, is_1m = read_name(where)
            for rows in batches:
                yield where, pair, is_1m, rows
    except (*DAMAGED, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None


def _rows_of_feather(path: Path) -> Iterator[pl.DataFrame]:
    frame = pl.scan_ipc(path)
    columns = _columns(frame.collect_schema().names(), str(path))
    known = frame.select(
        pl.nth(place).alias(name)
        if name in TEXT
        else pl.nth(place).cast(pl.Float64, strict=False).alias(name)
        for name, place in columns.items()
    )
    yield from known.with_row_index("line", 1).collect_batches(
        chunk_size=BATCH, maintain_order=True
    )


def _rows_of_csv(where: str, pieces: Iterator[tuple[str, bytes]]) -> Iterator[pl.DataFrame]:
    first = next(pieces)
    header = first[1][: 1 << 16].partition(b"\n")[0].decode("utf-8", "replace").strip()
    separator = max(",;\t", key=header.count)
    names = [field.strip(' "') for field in header.split(separator)]
    has_header = not any(re.match(r"[-+]?\d", name) for name in names)
    columns = _columns(names if has_header else _names_of(names, where), where)
    numbers = {place for name, place in columns.items() if name not in TEXT}
    schema = {str(n): pl.Float64() if n in numbers else pl.String() for n in range(len(names))}
    line = 1 + has_header
    for _, piece in chain([first], pieces):
        rows = pl.scan_csv(
            piece,
            has_header=False,
            separator=separator,
            skip_rows=int(has_header and piece is first[1]),
            schema=schema,
            ignore_errors=True,
            missing_columns="insert",
            extra_columns="ignore",
            truncate_ragged_lines=True,
            encoding="utf8-lossy",
        )
        known = rows.select(pl.nth(place).alias(name) for name, place in columns.items())
        batch = known.with_row_index("line", line).collect()
        line += batch.height
        yield batch


def _names_of(fields: Sequence[str], where: str) -> Sequence[str]:
    flags = sum(field.lower() in ("true", "false") for field in fields)
    kind = (len(fields), "side" if {"buy", "sell"} & set(fields) else flags)
    if kind not in PLAIN:
        raise BadInput(
            f"{where} has {len(fields)} columns without a header, which is no known format: write"
            f" their names into the first line, such as {','.join(CANDLE)}"
        )
    return PLAIN[kind]


def _columns(names: Iterable[str], where: str) -> dict[str, int]:
    """Return the places of the columns that are needed, under our names."""
    columns: dict[str, int] = {}
    for place, name in enumerate(names):
        columns.setdefault(MEANING.get(re.sub("[^a-z]", "", name.lower()), ""), place)
    is_trades = "price" in columns and "open" not in columns
    if is_trades and "volume" in columns:
        columns.setdefault("quantity", columns.pop("volume"))
    for name in TRADE if is_trades else CANDLE:
        if name not in columns:
            shown = "".join(filter(str.isprintable, ", ".join(names)))[:200]
            raise BadInput(
                f"{where} has no column {name} among {shown!r}: candles have {', '.join(CANDLE)},"
                f" trades {', '.join(TRADE)}"
            )
    columns.pop("", None)
    return columns
