"""Folders of labelled pumps: continuous markets of single coins, and when pumps began in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from pumpwatch.domain.market.candles import Candles, IntArray
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch_workbench.recordings import RecordedFolder, SegmentCandles

WARM_UP = DAY
"""Time at a segment's start in which no alarm or event counts."""


@dataclass(frozen=True, slots=True, eq=False)
class Watched:
    """A symbol while it was watched, warm-up included; times in milliseconds UTC."""

    number: int
    start: int
    end: int
    missing: IntArray | Sequence[int] = ()
    """Minutes without a candle of which nothing is known: no trades show that there was none."""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Segment(Watched):
    """A continuous market of one symbol."""

    symbol: str
    candles: Candles
    """One symbol, one-minute candles, minutes without a trade filled with the last close."""
    trades: MarketTrades | None = None
    """Every trade, where the folder has them."""


def load_segments(recorded: RecordedFolder) -> list[Segment]:
    """Return the markets of a folder, in the order of `segments.csv`. Raises `BadInput`.

    Prices and turnover stay in the data's own quote currency.
    """
    trades = recorded.trades()
    markets = {
        recording.row.number: _segment(recording, trades.get(recording.row.number))
        for recording in recorded.candles()
    }
    return [markets[number] for number in recorded.segments]


def _segment(recording: SegmentCandles, table: pl.DataFrame | None) -> Segment:
    row = recording.row
    missing = np.setdiff1d(recording.expected, recording.times, assume_unique=True)
    trades = None
    if table is not None:
        time, price, quantity, bought = (column.to_numpy() for column in table)
        trades = MarketTrades(time, bought, price, quantity)
        # Between two trades of a complete recording there was none.
        missing = missing[(missing + MINUTE <= time[0]) | (missing > time[-1])]
    return Segment(
        row.number,
        row.start,
        row.end,
        missing,
        symbol=row.symbol,
        candles=recording.on_grid(),
        trades=trades,
    )
