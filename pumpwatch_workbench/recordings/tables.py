"""Read the tables of a folder of recordings; what cannot be used is named with file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path

import polars as pl

from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.pages.words import moment
from pumpwatch_workbench.recordings.parquet import FORMAT, check_columns, check_file, reading

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
LABEL_COLUMNS = ("segment", "onset", "counted")
LONGEST_NUMBER = 18
MARKS = frozenset("-_")
"""Symbol characters besides letters and digits."""


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """A line of `segments.csv`; times in milliseconds UTC."""

    number: int
    symbol: str
    start: int
    end: int

    @property
    def first(self) -> int:
        """Return the open time of the minute that it starts in."""
        return self.start // MINUTE * MINUTE


@dataclass(frozen=True, slots=True)
class LabelledPump:
    """A line of `events.csv`; `counted` False: alarms near it are ignored, and it cannot be hit."""

    segment: int
    symbol: str
    onset: int
    """Milliseconds UTC."""
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Announcement:
    """A line of `announced.csv`: a pump of any coin that members of a group were called to."""

    symbol: str
    time: int
    """Milliseconds UTC."""


def read_segments(folder: Path) -> dict[int, SegmentRow]:
    """Return the recordings of a folder by number. Raises `BadInput`."""
    path = folder / "segments.csv"
    segments: dict[int, SegmentRow] = {}
    for where, row in read_csv(path, SEGMENT_COLUMNS):
        number, symbol = _number(row["segment"], where), _symbol(row["symbol"], where)
        start, end = (parse_time(row[name], f"{where}: {name}") for name in ("start", "end"))
        if number in segments:
            raise BadInput(f"{where}: segment {number} is there twice; give it another number")
        if end <= start:
            raise BadInput(f"{where}: end {row['end']} is not after start {row['start']}")
        segments[number] = SegmentRow(number, symbol, start, end)
    if not segments:
        raise BadInput(f"{path} names no segment: {FORMAT}")
    return segments


def read_labels(folder: Path, segments: Mapping[int, SegmentRow]) -> list[LabelledPump]:
    """Return the pumps of `events.csv`, which lie in `segments` where those are known.

    Raises `BadInput`.
    """
    labels = []
    for where, row in read_csv(folder / "events.csv", LABEL_COLUMNS):
        number = _number(row["segment"], where)
        onset = parse_time(row["onset"], f"{where}: onset")
        segment = segments.get(number)
        if segments and segment is None:
            raise BadInput(
                f"{where}: segments.csv has no segment {number}; add it or drop the line"
            )
        if segment is not None and not segment.start <= onset < segment.end:
            raise BadInput(
                f"{where}: onset {row['onset']} is outside segment {number} ({segment.symbol}), "
                f"{moment(segment.start)} to {moment(segment.end)}; correct or drop the line"
            )
        symbol = row.get("symbol") or ("" if segment is None else segment.symbol)
        if segment is not None and symbol != segment.symbol:
            raise BadInput(
                f"{where}: symbol {symbol!r} is not the {segment.symbol!r} that segments.csv gives "
                f"segment {number}; correct one of them"
            )
        if row["counted"] not in ("0", "1"):
            raise BadInput(
                f"{where}: counted is {row['counted']!r}: write 1 to count the event, else 0"
            )
        labels.append(LabelledPump(number, _symbol(symbol, where), onset, row["counted"] == "1"))
    return labels


def read_announcements(folder: Path) -> list[Announcement]:
    """Return the pumps of `announced.csv`; empty without the file. Raises `BadInput`."""
    path = folder / "announced.csv"
    if not path.exists():
        return []
    return [
        Announcement(
            _symbol(row["symbol"], where), parse_time(row["announced"], f"{where}: announced")
        )
        for where, row in read_csv(path, ("symbol", "announced"))
    ]


def read_contracts(folder: Path) -> dict[str, Instrument]:
    """Return the terms in `contracts.csv` by symbol; empty without the file. Raises `BadInput`."""
    path = folder / "contracts.csv"
    if not path.exists():
        return {}
    contracts = {}
    amounts = {field.name for field in fields(Instrument) if field.type == "Decimal"}
    for where, row in read_csv(path, CONTRACT_COLUMNS):
        values: dict[str, object] = {"symbol": row["symbol"], "launch_time": 0}
        for name in CONTRACT_COLUMNS[1:]:
            try:
                value = Decimal(row[name])
            except InvalidOperation:
                value = Decimal("nan")
            if not (value.is_finite() and (value > 0 or (name == "min_notional" and value == 0))):
                raise BadInput(f"{where}: {name} {row[name]!r} is no amount above zero")
            values[name] = value if name in amounts else int(value)
        contracts[row["symbol"]] = Instrument(**values)  # type: ignore[arg-type]
    return contracts


def read_csv(path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield where each row of a file is, and its fields as text. Raises `BadInput`."""
    check_file(path)
    with reading(path):
        table = pl.read_csv(path, infer_schema=False)
    check_columns(path, columns, table.columns)
    for line, row in enumerate(table.iter_rows(named=True), start=2):
        yield f"{path} line {line}", {name: value or "" for name, value in row.items()}


def parse_time(text: str, where: str) -> int:
    """Return an ISO time as milliseconds UTC. Raises `BadInput` that begins with `where`."""
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{where} {text!r} is no time: write it like 2019-07-05T17:00:10Z") from None
    return round(time.replace(tzinfo=time.tzinfo or UTC).timestamp() * 1000)


def _number(text: str, where: str) -> int:
    if not (text.isdecimal() and len(text) < LONGEST_NUMBER):
        raise BadInput(f"{where}: segment {text!r} is no number: use the one in candles.parquet")
    return int(text)


def _symbol(text: str, where: str) -> str:
    if not all(letter.isalnum() or letter in MARKS for letter in text) or not text:
        raise BadInput(f"{where}: symbol {text!r} is no coin or contract: use letters and digits")
    return text
