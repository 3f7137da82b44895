"""Cut what a replay plays out of a folder of recorded candles; docs/data-format.md describes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump, RecordedFolder, SegmentCandles
from pumpwatch_workbench.simulator.market.source import BoolArray, FloatArray, IntArray, Minutes


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


def counted_events(folder: RecordedFolder) -> list[LabelledPump]:
    """Return every labelled pump, counted or not, ordered by onset.

    Raises `BadInput` when none counts.
    """
    events = folder.pumps()
    if not any(event.counted for event in events):
        raise BadInput(f"events.csv in {folder.folder} has no event with counted = 1: add one")
    return sorted(events, key=lambda event: (event.onset, event.segment))


def read_candles(folder: RecordedFolder, stretches: Sequence[Stretch]) -> list[Minutes]:
    """Return the recorded candles of each stretch; minutes without a trade may be absent.

    Raises `BadInput` when any candle of the file is impossible.
    """
    nothing = np.empty(0)
    cut = [Minutes(nothing.astype(np.int64), *[nothing] * 6)] * len(stretches)
    for segment in folder.candles():
        for number, stretch in enumerate(stretches):
            if stretch.segment == segment.row.number:
                cut[number] = _minutes(segment, stretch)
    return cut


def read_trades(folder: RecordedFolder, stretches: Sequence[Stretch]) -> list[Trades | None]:
    """Return the recorded trades of each stretch, None where the folder has none of its segment."""
    by_segment = folder.trades()
    return [_trades(by_segment.get(stretch.segment), stretch) for stretch in stretches]


def _minutes(segment: SegmentCandles, stretch: Stretch) -> Minutes:
    part = slice(*np.searchsorted(segment.times, [stretch.first, stretch.last + 1]).tolist())
    # Copies, so that the segment itself can be forgotten.
    values = [column[part].copy() for column in segment.values]
    return Minutes(segment.times[part].copy(), *values)


def _trades(table: pl.DataFrame | None, stretch: Stretch) -> Trades | None:
    if table is None:
        return None
    part = table.filter(pl.col("time").is_between(stretch.first, stretch.last))
    return Trades(*(column.to_numpy() for column in part))
