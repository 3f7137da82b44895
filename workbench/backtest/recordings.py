"""A folder of recordings, streamed from Parquet one segment at a time and checked on the way."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pumpwatch.domain.candles import (
    HOUR,
    MINUTE,
    Candles,
    FloatArray,
    IntArray,
    first_bad_candle,
)
from pumpwatch.errors import BadInput

from .contracts import LOOK, derived_contract
from .market import Block
from .tables import (
    CANDLE_COLUMNS,
    SegmentRow,
    moment,
    read_contracts,
    read_segments,
    scan_candles,
    unreadable,
)

__all__ = ["Recordings"]

BATCH = 200_000
"""Candles read at a time."""
LONGEST_GAP = 24 * HOUR
COARSE_STEPS = 60
"""So many equal steps of more than a minute in a row are candles of another interval."""
THIN_DAY = 100_000.0
"""USDT a day that the median recording should turn over, else its prices are in another coin."""
DECIMALS = 10

Columns = tuple[Any, ...]
"""Open times and the six columns of `Candles`, each shaped (candles,)."""


class Recordings:
    """Candles of a folder in the format of docs/data-format.md.

    `quote_price` is what one unit of the candles' quote currency is worth, USDT. None: 1 where
    `contracts.csv` is there; otherwise the smallest power of ten, at least 1, with which the median
    recording turns over 100,000 USDT a day. Raises `BadInput` that names file, row and what to do.
    """

    def __init__(self, folder: Path, *, quote_price: float | None = None) -> None:
        self.folder = folder
        self._frame = scan_candles(folder)
        self.segments = {one.number: one for one in read_segments(folder)}
        self._contracts = read_contracts(folder)
        if quote_price is not None and not 0 < quote_price < math.inf:
            raise BadInput(f"--quote-price is {quote_price:g}: give a price above zero")
        self.quote_price_was_given = quote_price is not None or bool(self._contracts)
        self.quote_price = quote_price or self._scale()

    def blocks(self, *, begin: int = 0, end: int | None = None) -> Iterator[Block]:
        """Yield each segment's candles, minutes without a trade filled with the last close.

        `begin` and `end`, milliseconds UTC, leave segments out that lie wholly outside.
        """
        seen: set[int] = set()
        for number, first_row, table in self._segments():
            segment = self._segment(number, first_row, seen)
            seen.add(number)
            if (end is not None and segment.start >= end) or segment.end <= begin:
                continue
            yield self._block(segment, table, first_row)
        missing = sorted(self.segments.keys() - seen)
        if missing:
            raise BadInput(
                f"{self._path} has no candle of segment {missing[0]} of segments.csv: "
                "remove its line, or add its candles"
            )

    # --- inside --------------------------------------------------------------------------

    @property
    def _path(self) -> Path:
        return self.folder / "candles.parquet"

    def _scale(self) -> float:
        if self._contracts:
            return 1.0
        span = (pl.col("open_time").max() - pl.col("open_time").min() + MINUTE) / (24 * HOUR)
        daily = pl.col("turnover").sum() / span
        try:
            table = self._frame.group_by("segment").agg(daily.alias("daily")).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise unreadable(self._path, error) from None
        middle = table["daily"].median() if table.height else None
        if not isinstance(middle, float) or not 0 < middle < THIN_DAY:
            return 1.0
        return float(10 ** math.ceil(math.log10(THIN_DAY / middle)))

    def _segments(self) -> Iterator[tuple[int, int, Columns]]:
        """Yield (segment, row of its first candle, its columns) in the file's order."""
        parts: list[Columns] = []
        number, first_row, row = 0, 0, 0
        try:
            for batch in self._frame.collect_batches(chunk_size=BATCH, maintain_order=True):
                segments, *columns = (batch[name].to_numpy() for name in CANDLE_COLUMNS)
                bounds = [0, *(np.flatnonzero(np.diff(segments)) + 1).tolist(), len(segments)]
                for begin, end in pairwise(bounds):
                    one = int(segments[begin])
                    if parts and one != number:
                        yield number, first_row, _joined(parts)
                        parts = []
                    if not parts:
                        number, first_row = one, row
                    parts.append(tuple(column[begin:end] for column in columns))
                    row += end - begin
        except (OSError, pl.exceptions.PolarsError) as error:
            raise unreadable(self._path, error) from None
        if not parts:
            raise BadInput(f"{self._path} holds no candle")
        yield number, first_row, _joined(parts)

    def _segment(self, number: int, row: int, seen: set[int]) -> SegmentRow:
        if number in seen:
            raise BadInput(
                f"{self._path} row {row}: segment {number} comes again after another one; "
                "sort by segment and open_time"
            )
        if number not in self.segments:
            raise BadInput(
                f"{self._path} row {row}: segment {number} is not in segments.csv; add its line"
            )
        return self.segments[number]

    def _block(self, segment: SegmentRow, columns: Columns, first_row: int) -> Block:
        times, *values = columns
        problem = None if _looks_sound(times, values) else _problem(times, np.stack(values, axis=1))
        if problem is not None:
            row, reason = problem
            raise BadInput(
                f"{self._path} row {first_row + row} (segment {segment.number}, "
                f"{moment(int(times[row]))}): {reason}"
            )
        if self.quote_price != 1.0:
            for index in (0, 1, 2, 3, 5):
                values[index] = np.round(values[index] * self.quote_price, DECIMALS)
        contract = self._contracts.get(segment.symbol)
        if contract is None:
            early = np.concatenate([column[:LOOK] for column in values[:4]])
            contract = derived_contract(segment.symbol, early)
        candles = _on_grid(segment, times, values)
        return Block((segment.number,), candles, (replace(contract, symbol=segment.symbol),))


def _joined(parts: list[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))


def _looks_sound(times: IntArray, values: list[FloatArray]) -> bool:
    """Return whether nothing at all is wrong or worth a second look; `_problem` says what is.

    Whole columns are compared at a time: a sound file of millions of candles passes quickly.
    """
    opened, high, low, close, volume, turnover = values
    steps = np.diff(times)
    return bool(
        (not len(steps) or (steps.min() == MINUTE and steps.max() == MINUTE))
        and times[0] % MINUTE == 0
        and low.min() > 0
        and high.max() < math.inf
        and (np.maximum(opened, close) <= high).all()
        and (np.minimum(opened, close) >= low).all()
        and (low <= high).all()
        and volume.min() >= 0
        and volume.max() < math.inf
        and turnover.min() >= 0
        and turnover.max() < math.inf
    )


def _problem(times: IntArray, values: FloatArray) -> tuple[int, str] | None:
    """Return (row, what is wrong and what to do) of the first candle that cannot be used."""
    bad = first_bad_candle(times, values, interval=MINUTE)
    steps = np.diff(times)
    gaps = np.flatnonzero(steps > LONGEST_GAP)
    if len(gaps) and (bad is None or gaps[0] + 1 < bad[0]):
        hours = steps[gaps[0]] / HOUR
        return int(gaps[0]) + 1, (
            f"no candle came for {hours:.0f} hours; make what follows a segment of its own"
        )
    if bad is not None:
        return bad[0], f"{bad[1]}; correct or remove the row, or sort by open_time"
    coarse = _first_coarse(steps)
    if coarse is not None:
        minutes = steps[coarse] // MINUTE
        return coarse, (
            f"candles of {minutes} minutes begin here; one-minute candles are needed throughout"
        )
    return None


def _first_coarse(steps: IntArray) -> int | None:
    """Return where a long run of equal steps of more than a minute begins."""
    if len(steps) < COARSE_STEPS or int(steps.max()) <= MINUTE:
        return None
    begins = np.flatnonzero(np.diff(steps, prepend=-1) != 0)
    lengths = np.diff(begins, append=len(steps))
    long = begins[(lengths >= COARSE_STEPS) & (steps[begins] > MINUTE)]
    return int(long[0]) if len(long) else None


def _on_grid(segment: SegmentRow, times: IntArray, values: list[FloatArray]) -> Candles:
    """Lay candles on a grid up to the segment's end; no trade means the last close, no volume."""
    first = int(times[0])
    last = max(int(times[-1]), segment.end // MINUTE * MINUTE - MINUTE)
    count = (last - first) // MINUTE + 1
    open_time = first + MINUTE * np.arange(count, dtype=np.int64)
    columns = values
    if count != len(times):
        traded = np.zeros(count, dtype=np.bool_)
        traded[(times - first) // MINUTE] = True
        source = np.cumsum(traded) - 1
        close = values[3][source]
        columns = [np.where(traded, column[source], close) for column in values[:4]]
        columns += [np.where(traded, column[source], 0.0) for column in values[4:]]
    return Candles((segment.symbol,), MINUTE, open_time, *(one[None, :] for one in columns))
