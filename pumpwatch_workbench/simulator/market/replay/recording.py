"""Cut what a replay plays out of a folder of recorded candles; docs/data-format.md describes it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import LabelledPump, RecordedFolder
from pumpwatch_workbench.simulator.market.replay.schedule import Grid, ScheduledEvent
from pumpwatch_workbench.simulator.market.source import DAY_MS, MINUTE_MS, Minutes, Trades


def counted_events(folder: RecordedFolder) -> list[LabelledPump]:
    """Return every labelled pump, counted or not, ordered by onset.

    Raises `BadInput` when none counts.
    """
    events = folder.pumps()
    if not any(event.counted for event in events):
        raise BadInput(f"events.csv in {folder.folder} has no event with counted = 1: add one")
    return sorted(events, key=lambda event: (event.onset, event.segment))


def read_candles(
    folder: RecordedFolder, events: Sequence[ScheduledEvent], grid: Grid
) -> list[Minutes]:
    """Return the recorded candles of each event; minutes without a trade may be absent.

    They begin a day before the grid, for the price before its first minute. Raises `BadInput` when
    any candle of the file is impossible.
    """
    nothing = np.empty(0)
    cut = [Minutes(nothing.astype(np.int64), *[nothing] * 6)] * len(events)
    for segment in folder.candles():
        for number, event in enumerate(events):
            if event.segment == segment.row.number:
                ends = (grid.first * MINUTE_MS - DAY_MS, event.live_end - MINUTE_MS + 1)
                part = slice(*np.searchsorted(segment.times + event.shift, ends).tolist())
                # Copies, so that the segment itself can be forgotten.
                values = [column[part].copy() for column in segment.values]
                cut[number] = Minutes(segment.times[part].copy(), *values)
    return cut


def read_trades(folder: RecordedFolder, events: Sequence[ScheduledEvent]) -> list[Trades | None]:
    """Return the recorded trades of each event's live window, None where its segment has none."""
    by_segment = folder.trades()
    return [_live_trades(by_segment.get(event.segment), event) for event in events]


def _live_trades(table: pl.DataFrame | None, event: ScheduledEvent) -> Trades | None:
    if table is None:
        return None
    first, end = event.live_start - event.shift, event.live_end - event.shift
    live = table.filter(pl.col("time").is_between(first, end, closed="left"))
    return Trades(*(live[name].to_numpy() for name in ("time", "bought", "price", "quantity")))
