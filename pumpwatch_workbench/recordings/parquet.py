"""Open the Parquet files of a folder: the columns that are needed, of a kind that can be right."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from pumpwatch.errors import BadInput

PRICES = ("open", "high", "low", "close")
CANDLE_COLUMNS = ("segment", "open_time", *PRICES, "volume", "turnover")
TRADE_COLUMNS = ("segment", "time", "price", "quantity")
WHOLE = ("segment", "open_time", "time")
IMPORTABLE = (".feather", ".csv", ".csv.gz", ".json", ".json.gz", ".zip")
"""Endings of files that `pumpwatch import` reads."""
FORMAT = "docs/data-format.md says what it must hold"
EMPTY = -(1 << 62)
"""Stands for an empty cell in a column of whole numbers; no check lets it pass."""


def open_parquet(path: Path, columns: Sequence[str]) -> pl.LazyFrame:
    """Return the columns, read only when asked for: Int64 and Float64, empty prices as NaN.

    A column `side` is kept as text where the file has it. Raises `BadInput`.
    """
    folder = path.parent
    files = folder.iterdir() if folder.is_dir() else [folder]
    if not path.exists() and any(map(is_importable, files)):
        raise BadInput(
            f"{folder} is no folder of recordings: make one of it with pumpwatch import {folder}"
        )
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder: name one that holds {path.name}")
    check_file(path)
    with reading(path):
        frame = pl.scan_parquet(path)
        schema = frame.collect_schema()
    check_columns(path, columns, schema.names())
    for name in columns:
        problem = _problem(name, schema[name])
        if problem:
            raise BadInput(f"{path}: column {name} holds {schema[name]}, {problem}")
    side = [pl.col("side").cast(pl.String)] if "time" in columns and "side" in schema else []
    return frame.select(*(_plain(name) for name in columns), *side)


def is_importable(path: Path) -> bool:
    """Return whether it is a file that `pumpwatch import` reads, by its name."""
    own = ("segments.csv", "events.csv", "contracts.csv", "announced.csv")
    is_known = path.name.lower().endswith(IMPORTABLE) and path.name not in own
    return is_known and path.is_file()


def check_file(path: Path) -> None:
    """Raise `BadInput` when there is no such file, or it may not be looked for."""
    try:
        is_file = stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        is_file = False
    except OSError as error:
        raise unreadable(path, error) from None
    if not is_file:
        raise BadInput(f"{path} is missing: {FORMAT}")


def check_columns(path: Path, columns: Sequence[str], known: Sequence[str]) -> None:
    """Raise `BadInput` for a column that the file does not have, with the nearest that it has."""
    for name in columns:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; it has {near[0]!r}" if near else ""
            raise BadInput(f"{path} has no column {name}{hint}: {FORMAT}")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise `BadInput` in place of what polars and the system raise for a file."""
    try:
        yield
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> BadInput:
    """Return the error for a file that cannot be read."""
    reason = next(iter(str(error).splitlines()), "") or type(error).__name__
    return BadInput(f"{path} cannot be read ({reason}): check or write it again")


def _problem(name: str, kind: pl.DataType) -> str:
    """Return what is wrong with a column's type and what to do, empty when nothing is."""
    if name in WHOLE:
        if kind.is_integer():
            return ""
        if isinstance(kind, pl.Datetime):
            return f"milliseconds UTC are needed: convert with pl.col({name!r}).dt.epoch('ms')"
        return f"whole numbers are needed: convert with pl.col({name!r}).cast(pl.Int64)"
    if not kind.is_numeric():
        return f"numbers are needed: convert with pl.col({name!r}).cast(pl.Float64)"
    if kind == pl.Float32 and name in (*PRICES, "price"):
        return "which loses digits of a price: write Float64 from the source again"
    return ""


def _plain(name: str) -> pl.Expr:
    if name in WHOLE:
        return pl.col(name).cast(pl.Int64).fill_null(EMPTY)
    return pl.col(name).cast(pl.Float64).fill_null(float("nan"))
