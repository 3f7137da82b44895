"""Kline answers as candle series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from pumpwatch.domain.market.candles import (
    CandleRequest,
    CandleSeries,
    FloatArray,
    possible_candles,
)
from pumpwatch.errors import BadMarketData

from .tickers import as_float

PAGE = 1000
"""Most candles in one answer."""

MINUTES = (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)
INTERVALS = {60_000 * minutes: str(minutes) for minutes in MINUTES} | {86_400_000: "D"}
"""Bybit's name for each interval in milliseconds."""

COLUMNS = 7


def pages(request: CandleRequest) -> Iterator[CandleRequest]:
    """Yield the ranges of at most 1,000 candles that cover the request, oldest first.

    Starts are aligned to the interval: how Bybit reads a start inside a candle is not settled.
    """
    step = request.interval
    start = -(-request.start // step) * step
    while start <= request.end:
        yield replace(request, start=start, end=min(request.end, start + (PAGE - 1) * step))
        start += PAGE * step


def read_candles(result: object, request: CandleRequest, *, time: int) -> CandleSeries:
    """Return the candles of an answer that the exchange stamped at `time`, oldest first.

    Rows that are no candle or cannot be true are gaps, and counted. Raises `BadMarketData` when the
    answer has no list, is about another symbol, or has rows and none of them is a candle.
    """
    listed = result.get("list") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(listed, list):
        raise BadMarketData(f"{request.symbol}: the candle answer has no list")
    if result.get("symbol") not in (request.symbol, "", None):
        raise BadMarketData(f"{request.symbol}: the answer is about another symbol")
    table = _table(listed)
    table = table[possible_candles(table[:, 0], table[:, 1:], interval=request.interval)]
    if listed and not len(table):
        raise BadMarketData(f"{request.symbol}: no row of the answer is a candle that can be true")
    gaps = len(listed) - len(table)
    # A minute only grows: of two of its candles the larger one is the later one.
    table = table[np.lexsort((table[:, COLUMNS - 1], table[:, 0]))]
    table = table[np.diff(table[:, 0], append=np.inf) > 0]
    table = table[(table[:, 0] >= request.start) & (table[:, 0] <= request.end)]
    open_time, values = table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:])
    forming = bool(len(open_time)) and int(open_time[-1]) + request.interval > time
    return CandleSeries(request.symbol, request.interval, open_time, values, forming, gaps)


def join_series(parts: Sequence[CandleSeries], request: CandleRequest) -> CandleSeries:
    """Return the pages of one request as one series, or raise `BadMarketData`."""
    for before, after in pairwise(parts):
        if before.forming and len(after.open_time):
            raise BadMarketData(f"{request.symbol}: a candle was forming inside the history")
    filled = [part for part in parts if len(part.open_time)]
    open_time = [np.empty(0, dtype=np.int64), *(part.open_time for part in parts)]
    return CandleSeries(
        request.symbol,
        request.interval,
        np.concatenate(open_time),
        np.concatenate([np.empty((0, 6)), *(part.values for part in parts)]),
        forming=bool(filled) and filled[-1].forming,
        impossible=sum(part.impossible for part in parts),
    )


def _table(listed: Sequence[object]) -> FloatArray:
    """Return the rows as (rows, 7); one that is no list of at least seven numbers is NaN."""
    nothing = [math.nan] * COLUMNS
    rows = [row[:COLUMNS] if isinstance(row, list) else nothing for row in listed]
    rows = [row if len(row) == COLUMNS else nothing for row in rows]
    try:
        table = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        table = np.empty(0)
    if table.shape != (len(rows), COLUMNS):
        table = np.array([[as_float(value) for value in row] for row in rows])
    return table.reshape(-1, COLUMNS)
