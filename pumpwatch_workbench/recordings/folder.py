"""A folder of recordings, streamed one segment at a time and checked on the way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from pumpwatch.domain.market.candles import Candles, FloatArray, IntArray
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.pages.words import moment
from pumpwatch_workbench.recordings.parquet import (
    CANDLE_COLUMNS,
    EMPTY,
    TRADE_COLUMNS,
    open_parquet,
    reading,
)
from pumpwatch_workbench.recordings.soundness import (
    Problem,
    candle_problem,
    looks_sound,
    trade_problem,
)
from pumpwatch_workbench.recordings.tables import (
    LabelledPump,
    SegmentRow,
    read_labels,
    read_segments,
)

BATCH = 200_000
"""Candles read at a time."""

Columns = tuple[Any, ...]
"""Open times and the six columns of `Candles`, each shaped (candles,)."""


@dataclass(frozen=True, slots=True, eq=False)
class SegmentCandles:
    """The candles of a segment, sound and in order; `values` are the six columns of `Candles`."""

    row: SegmentRow
    times: IntArray
    values: list[FloatArray]

    @property
    def fingerprint(self) -> str:
        """Return a hash of the recorded closes: the same market is recognised by it elsewhere."""
        return blake2b(self.values[3].tobytes(), digest_size=8).hexdigest()

    @property
    def expected(self) -> IntArray:
        """Return the open times of all minutes of the segment."""
        return np.arange(self.row.first, self.row.end, MINUTE, dtype=np.int64)

    def on_grid(self) -> Candles:
        """Return candles up to the segment's end; no trade means the last close, no volume."""
        first = int(self.times[0])
        last = max(int(self.times[-1]), self.row.end // MINUTE * MINUTE - MINUTE)
        count = (last - first) // MINUTE + 1
        open_time = first + MINUTE * np.arange(count, dtype=np.int64)
        columns = self.values
        if count != len(self.times):
            traded = np.zeros(count, dtype=np.bool_)
            traded[(self.times - first) // MINUTE] = True
            source = np.cumsum(traded) - 1
            close = self.values[3][source]
            columns = [np.where(traded, column[source], close) for column in self.values[:4]]
            columns += [np.where(traded, column[source], 0.0) for column in self.values[4:]]
        return Candles(
            (self.row.symbol,), MINUTE, open_time, *(column[None, :] for column in columns)
        )


class RecordedFolder:
    """Recordings in the format of docs/data-format.md.

    Every command opens its folder here, so all of them refuse the same. `segments` may be missing
    where only labelled pumps are played: then each segment is what its candles cover. Raises
    `BadInput` that names file, row, field, value and what to do.
    """

    def __init__(self, folder: Path, *, needs_segments: bool = True) -> None:
        self.folder = folder
        self.frame = open_parquet(folder / "candles.parquet", CANDLE_COLUMNS)
        known = needs_segments or (folder / "segments.csv").exists()
        self.segments = read_segments(folder) if known else {}
        has_labels = (folder / "events.csv").exists()
        self.labels = read_labels(folder, self.segments) if has_labels else None
        self.has_trades = (folder / "trades.parquet").exists()
        self._named = known
        self.fingerprints: list[str] = []
        """Those of the segments whose candles were read so far."""
        self._expected = self._present = 0
        self._longest: tuple[int, SegmentRow] | None = None

    def pumps(self) -> list[LabelledPump]:
        """Return the labelled pumps. Raises `BadInput` without `events.csv`."""
        return read_labels(self.folder, self.segments) if self.labels is None else self.labels

    def check_length(self, warm_up: int) -> None:
        """Raise `BadInput` when no segment is longer than the warm-up, minutes."""
        longest = max(self.segments.values(), key=lambda row: row.end - row.start)
        length = (longest.end - longest.start) / MINUTE
        if length <= warm_up:
            raise BadInput(
                f"{self.folder / 'segments.csv'}: the longest segment, {longest.number} "
                f"({longest.symbol}), has {length:.0f} minutes, and the first {warm_up} only warm "
                "up; give a longer recording"
            )

    def candles(self) -> Iterator[SegmentCandles]:
        """Yield each segment's candles in the file's order."""
        seen: set[int] = set()
        self.fingerprints.clear()
        self._expected = self._present = 0
        for number, first_row, (times, *values) in self._parts():
            row = self._row(number, first_row, seen, times)
            seen.add(number)
            if not looks_sound(row, times, values):
                self._refuse("candles", row, first_row, times, candle_problem(row, times, values))
            candles = SegmentCandles(row, times, values)
            self._count(candles)
            yield candles
        for number in sorted(self.segments.keys() - seen):
            raise BadInput(
                f"{self._path} has no candle of segment {number} "
                f"({self.segments[number].symbol}) of segments.csv: remove its line, or add them"
            )

    def trades(self) -> dict[int, pl.DataFrame]:
        """Return the trades of each segment in order of time; none without `trades.parquet`.

        Columns: time, price, quantity, and bought: whether the taker bought. Where the file does
        not say, a trade at no lower price than the one before counts as bought.
        """
        path = self.folder / "trades.parquet"
        if not self.has_trades:
            return {}
        frame = open_parquet(path, TRADE_COLUMNS).with_row_index("row")
        with reading(path):
            table = frame.collect()
        return {
            int(key[0]): self._sound_trades(int(key[0]), part)
            for key, part in table.partition_by("segment", as_dict=True).items()
        }

    def check(self) -> str:
        """Read everything through; return what is said of the gaps. Raises `BadInput`."""
        for _ in self.candles():
            pass
        self.trades()
        return self.gaps()

    @property
    def minutes(self) -> dict[str, float]:
        """Return how many minutes the segments read so far have, and how many have a candle."""
        share = self._present / self._expected if self._expected else 0.0
        return {"expected": self._expected, "present": self._present, "share": round(share, 4)}

    def gaps(self) -> str:
        """Return a sentence about the minutes without a candle, empty when there are none."""
        if self._longest is None or self._present == self._expected:
            return ""
        longest, row = self._longest
        share = 100 * self._present / self._expected
        return (
            f"{self._present:,} of {self._expected:,} minutes have a candle ({share:.1f} %); "
            f"the longest gap is {longest:,} minutes (segment {row.number}, {row.symbol})."
        )

    # --- inside --------------------------------------------------------------------------

    @property
    def _path(self) -> Path:
        return self.folder / "candles.parquet"

    def _parts(self) -> Iterator[tuple[int, int, Columns]]:
        """Yield (segment, row of its first candle, its columns) in the file's order."""
        parts: list[Columns] = []
        number, first_row, row = 0, 0, 0
        with reading(self._path):
            for batch in self.frame.collect_batches(chunk_size=BATCH, maintain_order=True):
                segments, *columns = (batch[name].to_numpy() for name in CANDLE_COLUMNS)
                if (segments == EMPTY).any():
                    empty = row + int(np.argmax(segments == EMPTY))
                    raise BadInput(f"{self._path} row {empty}: segment is empty; write its number")
                bounds = [0, *(np.flatnonzero(np.diff(segments)) + 1).tolist(), len(segments)]
                for begin, end in pairwise(bounds):
                    if begin == end:
                        continue
                    segment = int(segments[begin])
                    if parts and segment != number:
                        yield number, first_row, _joined(parts)
                        parts = []
                    if not parts:
                        number, first_row = segment, row
                    parts.append(tuple(column[begin:end] for column in columns))
                    row += end - begin
        if not parts:
            raise BadInput(f"{self._path} holds no candle")
        yield number, first_row, _joined(parts)

    def _row(self, number: int, row: int, seen: set[int], times: IntArray) -> SegmentRow:
        where = f"{self._path} row {row}"
        if number in seen:
            raise BadInput(
                f"{where}: segment {number} comes again after another one; "
                "sort by segment and open_time"
            )
        if number in self.segments:
            return self.segments[number]
        if self._named:
            raise BadInput(f"{where}: segment {number} is not in segments.csv; add its line")
        symbols = [label.symbol for label in self.labels or () if label.segment == number]
        first = int(times[0]) // MINUTE * MINUTE
        return SegmentRow(number, symbols[0] if symbols else "", first, int(times.max()) + MINUTE)

    def _refuse(
        self,
        file: str,
        segment: SegmentRow,
        first_row: int,
        times: IntArray,
        problem: Problem | None,
    ) -> None:
        if problem is not None:
            row, reason = problem
            raise BadInput(
                f"{self.folder / file}.parquet row {first_row + row} (segment {segment.number}, "
                f"{segment.symbol}, {moment(int(times[row]))}): {reason}"
            )

    def _count(self, candles: SegmentCandles) -> None:
        times, row = candles.times, candles.row
        self.fingerprints.append(candles.fingerprint)
        self._expected += len(candles.expected)
        self._present += len(times)
        edges = np.concatenate([[row.first - MINUTE], times, [candles.expected[-1] + MINUTE]])
        longest = int(np.diff(edges).max()) // MINUTE - 1
        if self._longest is None or longest > self._longest[0]:
            self._longest = (longest, row)

    def _sound_trades(self, number: int, part: pl.DataFrame) -> pl.DataFrame:
        times, price = part["time"].to_numpy(), part["price"].to_numpy()
        sides = part["side"] if "side" in part.columns else None
        problem = trade_problem(times, price, part["quantity"].to_numpy(), sides)
        segment = self.segments.get(number)
        if self._named and segment is None:
            problem = 0, "the segment is not in segments.csv; add its line or drop its trades"
        if problem is not None:
            first_row = int(part["row"][problem[0]]) - problem[0]
            segment = segment or SegmentRow(number, "", 0, 0)
            self._refuse("trades", segment, first_row, times, problem)
        bought = (
            pl.col("price").diff().fill_null(0) >= 0 if sides is None else pl.col("side") == "Buy"
        )
        return part.select("time", "price", "quantity", bought.alias("bought"))


def _joined(parts: list[Columns]) -> Columns:
    if len(parts) == 1:
        return parts[0]
    return tuple(np.concatenate(columns) for columns in zip(*parts, strict=True))
