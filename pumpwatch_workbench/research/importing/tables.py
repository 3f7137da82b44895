"""Open a table of another program: which of its columns is what.

A header names the columns; without one their number tells. Sources: the data handlers of freqtrade,
`fetch_ohlcv` of ccxt, github.com/binance/binance-public-data, files of public.bybit.com.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings.folder import BATCH
from pumpwatch_workbench.recordings.parquet import PRICES, unreadable

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


def rows_of(path: Path, where: str) -> Iterator[pl.DataFrame]:
    """Yield the rows of a file, a batch at a time, under our names, the `line` with each.

    Raises `BadInput` that begins with `where`.
    """
    try:
        if path.suffix.lower() == ".csv":
            names, first_line, frame = _csv(path, where)
        else:
            is_feather = path.suffix.lower() == ".feather"
            frame = pl.scan_ipc(path) if is_feather else pl.scan_parquet(path)
            names, first_line = frame.collect_schema().names(), 1
        known = frame.select(_columns(names, where)).with_row_index("line", first_line)
        yield from known.collect_batches(chunk_size=BATCH, maintain_order=True)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(Path(where), error) from None


def _columns(names: Sequence[str], where: str) -> list[pl.Expr]:
    columns: dict[str, pl.Expr] = {}
    for place, name in enumerate(names):
        meaning = MEANING.get(re.sub("[^a-z]", "", name.lower()), "")
        kind = pl.nth(place) if meaning in TEXT else pl.nth(place).cast(pl.Float64, strict=False)
        columns.setdefault(meaning, kind.alias(meaning))
    is_trades = "price" in columns and "open" not in columns
    if is_trades and "volume" in columns:
        columns.setdefault("quantity", columns.pop("volume").alias("quantity"))
    for name in TRADE if is_trades else CANDLE:
        if name not in columns:
            shown = "".join(filter(str.isprintable, ", ".join(names)))[:200]
            raise BadInput(
                f"{where} has no column {name} among {shown!r}: candles have {', '.join(CANDLE)},"
                f" trades {', '.join(TRADE)}"
            )
    return [column for name, column in columns.items() if name]


def _csv(path: Path, where: str) -> tuple[Sequence[str], int, pl.LazyFrame]:
    """Return the columns' names, the line of the first row, and all rows as text."""
    with path.open("rb") as file:
        line = file.readline(1 << 16).decode("utf-8", "replace").strip()
    separator = max(",;\t", key=line.count)
    names = [field.strip(' "') for field in line.split(separator)]
    width = len(names)
    has_header = not any(re.match(r"[-+]?\d", name) for name in names)
    if not has_header:
        flags = sum(name.lower() in ("true", "false") for name in names)
        kind = (width, "side" if {"buy", "sell"} & set(names) else flags)
        if kind not in PLAIN:
            raise BadInput(
                f"{where} has {width} columns without a header, which is no known format: write"
                f" their names into the first line, such as {','.join(CANDLE)}"
            )
        names = [*PLAIN[kind], *[""] * width][:width]
    rows = pl.scan_csv(
        path,
        has_header=False,
        separator=separator,
        skip_rows=int(has_header),
        schema={str(place): pl.String for place in range(width)},
        truncate_ragged_lines=True,
        encoding="utf8-lossy",
    )
    return names, 1 + has_header, rows
