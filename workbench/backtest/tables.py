"""Read the files of a folder of recordings; what cannot be used is named with file and row."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import polars as pl

from pumpwatch.domain.market import Instrument
from pumpwatch.errors import BadInput

__all__ = [
    "CANDLE_COLUMNS",
    "SegmentRow",
    "moment",
    "parse_time",
    "read_contracts",
    "read_csv",
    "read_segments",
    "scan_candles",
]

CANDLE_COLUMNS = ("segment", "open_time", "open", "high", "low", "close", "volume", "turnover")
SEGMENT_COLUMNS = ("segment", "symbol", "start", "end")
CONTRACT_COLUMNS = (
    "symbol",
    "tick_size",
    "quantity_step",
    "min_quantity",
    "max_market_quantity",
    "min_notional",
    "max_leverage",
    "funding_interval_minutes",
)
FORMAT = "docs/data-format.md says what it must hold"


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A line of `segments.csv`; times in milliseconds UTC."""

    number: int
    symbol: str
    start: int
    end: int


def read_segments(folder: Path) -> list[SegmentRow]:
    """Return the recordings of a folder. Raises `BadInput`."""
    path = folder / "segments.csv"
    found: dict[int, SegmentRow] = {}
    for line, row in enumerate(read_csv(path, SEGMENT_COLUMNS), start=2):
        where = f"{path} line {line}"
        if not row["segment"].isdecimal():
            raise BadInput(f"{where}: segment {row['segment']!r} is no whole number")
        one = SegmentRow(
            int(row["segment"]),
            row["symbol"],
            parse_time(row["start"], where),
            parse_time(row["end"], where),
        )
        if one.number in found:
            raise BadInput(f"{where}: segment {one.number} is there twice; give it another number")
        if one.end <= one.start or not one.symbol:
            raise BadInput(f"{where}: a segment needs a symbol and an end after its start")
        found[one.number] = one
    if not found:
        raise BadInput(f"{path} names no segment: {FORMAT}")
    return list(found.values())


def read_contracts(folder: Path) -> dict[str, Instrument]:
    """Return the terms in `contracts.csv` by symbol; empty without the file. Raises `BadInput`."""
    path = folder / "contracts.csv"
    if not path.exists():
        return {}
    found = {}
    amounts = {one.name for one in fields(Instrument) if one.type == "Decimal"}
    for line, row in enumerate(read_csv(path, CONTRACT_COLUMNS), start=2):
        values: dict[str, object] = {"symbol": row["symbol"], "launch_time": 0}
        for name in CONTRACT_COLUMNS[1:]:
            try:
                value = Decimal(row[name])
            except InvalidOperation:
                value = Decimal("nan")
            if not (value.is_finite() and (value > 0 or (name == "min_notional" and value == 0))):
                raise BadInput(f"{path} line {line}: {name} {row[name]!r} is no amount above zero")
            values[name] = value if name in amounts else int(value)
        found[row["symbol"]] = Instrument(**values)  # type: ignore[arg-type]
    return found


def scan_candles(folder: Path) -> pl.LazyFrame:
    """Return the candles of a folder, read only when asked for. Raises `BadInput`."""
    path = folder / "candles.parquet"
    if not folder.is_dir():
        raise BadInput(f"{folder} is not a folder: name one that holds candles.parquet")
    if not path.is_file():
        raise BadInput(f"{path} is missing: {FORMAT}")
    try:
        frame = pl.scan_parquet(path)
        schema = frame.collect_schema()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None
    for name in CANDLE_COLUMNS:
        if name not in schema:
            near = difflib.get_close_matches(name, schema.names(), n=1)
            hint = f"; it has {near[0]!r}" if near else ""
            raise BadInput(f"{path} has no column {name}{hint}: {FORMAT}")
        whole = name in CANDLE_COLUMNS[:2]
        if not (schema[name].is_integer() if whole else schema[name].is_numeric()):
            wanted = "whole numbers" if whole else "numbers"
            raise BadInput(f"{path}: column {name} holds {schema[name]}, {wanted} are needed")
    # An empty cell becomes a number that no check lets pass.
    return frame.select(
        pl.col(name).cast(pl.Int64).fill_null(-1)
        if name in CANDLE_COLUMNS[:2]
        else pl.col(name).cast(pl.Float64).fill_null(float("nan"))
        for name in CANDLE_COLUMNS
    )


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Return a file's rows as text. Raises `BadInput` that names what is missing."""
    if not path.is_file():
        raise BadInput(f"{path} is missing: {FORMAT}")
    try:
        table = pl.read_csv(path, infer_schema=False)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise unreadable(path, error) from None
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise BadInput(f"{path} has no column {', '.join(missing)}: {FORMAT}")
    return [
        {name: value or "" for name, value in row.items()}
        for row in table.select(columns).iter_rows(named=True)
    ]


def unreadable(path: Path, error: Exception) -> BadInput:
    """Return the error for a file that cannot be read."""
    reason = next(iter(str(error).splitlines()), type(error).__name__)
    return BadInput(f"{path} cannot be read ({reason}): check or write it again")


def parse_time(text: str, where: str) -> int:
    """Return an ISO time as milliseconds UTC. Raises `BadInput` that begins with `where`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{where}: {text!r} is no time, as in 2026-11-02T00:00:00Z") from None
    return round(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * 1000)


def moment(time: int) -> str:
    """Return milliseconds UTC as people write a time."""
    try:
        text = datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError, OSError):
        return f"{time} ms"
    return text.replace("+00:00", "Z")
