"""Finds what is impossible in recorded candles and trades, and says where."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from workbench.simulator.market import MINUTE_MS
from workbench.simulator.replay.errors import ReplayDataError

_WHOLE = ("segment", "open_time", "time")
_PRICES = ("open", "high", "low", "close")


def scan(path: Path, columns: Sequence[str]) -> pl.LazyFrame:
    """Return the file's columns: times and segments as whole numbers, the others as floats.

    Text files keep text. Raises ReplayDataError when the file or a column is missing or of
    another kind.
    """
    if not path.is_file():
        raise ReplayDataError(f"{path} is missing: docs/data-format.md says what it must hold")
    try:
        frame = (
            pl.scan_csv(path, infer_schema=False)
            if path.suffix == ".csv"
            else pl.scan_parquet(path)
        )
        schema = frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from error
    for column in columns:
        if column not in schema:
            raise ReplayDataError(f"{path} has no column {column}: it needs {', '.join(columns)}")
    if path.suffix == ".csv":
        return frame.select(columns)
    for column in columns:
        kind = schema[column]
        if not (kind.is_integer() if column in _WHOLE else kind.is_numeric()):
            wanted = "whole numbers" if column in _WHOLE else "numbers"
            raise ReplayDataError(f"{path}: column {column} holds {kind}, {wanted} are needed")
    return frame.select(
        pl.col(column).cast(pl.Int64 if column in _WHOLE else pl.Float64) for column in columns
    )


def collect(frame: pl.LazyFrame, path: Path) -> pl.DataFrame:
    """Read the frame. Raises ReplayDataError when the file turns out to be damaged."""
    try:
        return frame.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path, error) from error


def check_folder(folder: Path) -> None:
    """Raise ReplayDataError when the folder is missing or cannot be read."""
    try:
        next(folder.iterdir(), None)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ReplayDataError(
            f"{folder} is not a folder: name one that holds events.csv and candles.parquet"
        ) from error
    except OSError as error:
        raise ReplayDataError(
            f"{folder} cannot be read ({error.strerror}): check its permissions"
        ) from error


def check_candles(table: pl.DataFrame) -> None:
    """Raise ReplayDataError for the first candle that cannot be; rows are counted from 0."""
    top = pl.max_horizontal("open", "close", "low")
    bottom = pl.min_horizontal("open", "close", "high")
    since = pl.col("open_time").diff().over("segment")
    problems = [
        *((_unusable(price, positive=True), f"{price} is {{{price}}}") for price in _PRICES),
        (_unusable("volume", positive=False), "volume is {volume}"),
        (_unusable("turnover", positive=False), "turnover is {turnover}"),
        (pl.col("high") < pl.col("low"), "high {high} is below low {low}"),
        (pl.col("high") < top, "high {high} is below another price of the candle"),
        (pl.col("low") > bottom, "low {low} is above another price of the candle"),
        (pl.col("segment").is_null(), "segment is empty"),
        (pl.col("open_time").is_null(), "open_time is empty"),
        (pl.col("open_time") % MINUTE_MS != 0, "open_time {open_time} is not on a full minute"),
        (since == 0, "open_time is there twice in this segment"),
        (since < 0, "open_time is before the row above it in this segment"),
    ]
    _refuse(table.with_row_index("row"), "candles.parquet", "open_time", problems)


def check_trades(table: pl.DataFrame) -> None:
    """Raise ReplayDataError for the first trade that cannot be; `row` counts from 0."""
    problems = [
        (_unusable("price", positive=True), "price is {price}"),
        (_unusable("quantity", positive=True), "quantity is {quantity}"),
        (pl.col("time").diff().over("stretch") < 0, "time is before the row above it"),
    ]
    _refuse(table, "trades.parquet", "time", problems)


def _unreadable(path: Path, error: Exception) -> ReplayDataError:
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return ReplayDataError(f"{path} cannot be read ({reason}): check or rewrite it")


def _unusable(column: str, *, positive: bool) -> pl.Expr:
    value = pl.col(column)
    too_low = value <= 0 if positive else value < 0
    return value.is_null() | ~value.is_finite() | too_low


def _refuse(
    table: pl.DataFrame, file: str, time: str, problems: Sequence[tuple[pl.Expr, str]]
) -> None:
    found = table.select(
        condition.fill_null(value=False).arg_true().first().alias(str(number))
        for number, (condition, _) in enumerate(problems)
    ).row(0)
    rows = [(row, number) for number, row in enumerate(found) if row is not None]
    if not rows:
        return
    row, number = min(rows)
    values = table.row(row, named=True)
    problem = problems[number][1].format(**values)
    raise ReplayDataError(
        f"{file} row {values['row']} (segment {values['segment']}, {_moment(values[time])}): "
        f"{problem}; correct or remove the row"
    )


def _moment(milliseconds: int | None) -> str:
    if milliseconds is None:
        return "no time"
    try:
        moment = datetime.fromtimestamp(milliseconds / 1_000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
