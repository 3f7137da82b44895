"""Reads a folder of recorded candles; docs/data-format.md describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from workbench.simulator.market import BoolArray, FloatArray, IntArray, Minutes
from workbench.simulator.replay.checks import (
    check_candles,
    check_folder,
    check_trades,
    collect,
    scan,
)
from workbench.simulator.replay.errors import ReplayDataError

CANDLE_COLUMNS = ("segment", "open_time", "open", "high", "low", "close", "volume", "turnover")
TRADE_COLUMNS = ("segment", "time", "price", "quantity")
EVENT_COLUMNS = ("segment", "symbol", "onset", "counted")


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """A labelled pump."""

    segment: int
    coin: str
    onset: int
    """Milliseconds UTC, as recorded."""
    counted: bool
    """False for a known pump that is neither played nor scored."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of one segment, both ends included, milliseconds UTC."""

    segment: int
    first: int
    last: int


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades of one stretch in order of time; every array is shaped (trades,)."""

    time: IntArray
    price: FloatArray
    quantity: FloatArray
    bought: BoolArray
    """What the recording says of each trade's side; without it a rise of the price is a buy."""


def read_events(folder: Path) -> list[RecordedEvent]:
    """Return every event of `events.csv`, counted or not, ordered by onset.

    Raises ReplayDataError for a missing folder or file, a missing column, or an unreadable row.
    """
    check_folder(folder)
    path = folder / "events.csv"
    table = collect(scan(path, EVENT_COLUMNS), path)
    events = [
        _event(row, number) for number, row in enumerate(table.iter_rows(named=True), start=2)
    ]
    if not any(event.counted for event in events):
        raise ReplayDataError(f"events.csv in {folder} has no event with counted = 1: add one")
    return sorted(events, key=lambda event: (event.onset, event.segment))


def read_candles(folder: Path, stretches: Sequence[Stretch]) -> list[Minutes]:
    """Return the recorded candles of each stretch; minutes without a trade may be absent.

    Raises ReplayDataError when any candle of the file is impossible.
    """
    path = folder / "candles.parquet"
    table = collect(scan(path, CANDLE_COLUMNS), path)
    check_candles(table)
    by_segment = table.partition_by("segment", as_dict=True)
    nothing = table.clear()
    return [_minutes(by_segment.get((stretch.segment,), nothing), stretch) for stretch in stretches]


def read_trades(folder: Path, stretches: Sequence[Stretch]) -> list[Trades] | None:
    """Return the recorded trades of each stretch, or None when there is no `trades.parquet`."""
    path = folder / "trades.parquet"
    if not path.exists():
        return None
    wanted = pl.LazyFrame(
        {
            "segment": [stretch.segment for stretch in stretches],
            "first": [stretch.first for stretch in stretches],
            "last": [stretch.last for stretch in stretches],
            "stretch": range(len(stretches)),
        },
        schema={"segment": pl.Int64, "first": pl.Int64, "last": pl.Int64, "stretch": pl.Int64},
    )
    frame = (
        pl.concat([scan(path, TRADE_COLUMNS), _sides(path)], how="horizontal")
        .with_row_index("row")
        .join(wanted, on="segment", maintain_order="left")
        .filter(pl.col("time").is_between("first", "last"))
    )
    table = collect(frame, path)
    check_trades(table)
    by_stretch = table.partition_by("stretch", as_dict=True)
    nothing = table.clear()
    return [_trades(by_stretch.get((number,), nothing)) for number in range(len(stretches))]


def _event(row: dict[str, str | None], number: int) -> RecordedEvent:
    onset = pl.Series([row["onset"]], dtype=pl.String).str.to_datetime(
        time_unit="ms", time_zone="UTC", strict=False
    )[0]
    segment, coin, counted = row["segment"] or "", row["symbol"] or "", row["counted"]
    if onset is None:
        problem = f"onset {row['onset']!r} is no time: write it like 2019-07-05T17:00:10Z"
    elif not segment.isdecimal():
        problem = f"segment {segment!r} is no number: use the number in candles.parquet"
    elif not (coin.isascii() and coin.isalnum()):
        problem = f"symbol {coin!r} is no coin: use letters and digits"
    elif counted not in {"0", "1"}:
        problem = f"counted is {counted!r}: write 1 to play the event, 0 to leave it out"
    else:
        milliseconds = int(onset.timestamp() * 1_000)
        return RecordedEvent(int(segment), coin.upper(), milliseconds, counted == "1")
    raise ReplayDataError(f"events.csv line {number}: {problem}")


def _minutes(table: pl.DataFrame, stretch: Stretch) -> Minutes:
    open_time = table["open_time"].to_numpy()
    first, stop = np.searchsorted(open_time, [stretch.first, stretch.last + 1])
    part = slice(int(first), int(stop))
    columns = {name: table[name].to_numpy()[part] for name in CANDLE_COLUMNS[1:]}
    return Minutes(**columns)


def _sides(path: Path) -> pl.LazyFrame:
    """Return the takers' sides where the file has them, else nothing."""
    frame = pl.scan_parquet(path)
    return (
        frame.select(pl.col("side").cast(pl.String))
        if "side" in frame.collect_schema()
        else frame.select()
    )


def _trades(table: pl.DataFrame) -> Trades:
    time, price, quantity = (table[name].to_numpy() for name in TRADE_COLUMNS[1:])
    if "side" in table.columns:
        return Trades(time, price, quantity, (table["side"] == "Buy").to_numpy())
    return Trades(time, price, quantity, np.diff(price, prepend=price[:1]) >= 0)
