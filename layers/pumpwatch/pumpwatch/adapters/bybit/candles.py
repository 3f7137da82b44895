"""Kline answers as candle series."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from pumpwatch.domain.candles import CandleSeries, FloatArray, possible_candles
from pumpwatch.errors import BadMarketData
from pumpwatch.ports import CandleRequest

__all__ = ["INTERVALS", "join_series", "pages", "read_candles"]

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

    A row that is no candle, a candle that cannot be true and one that is given twice in different
    forms are gaps, and counted. Raises `BadMarketData` when the answer has no list, is about
    another symbol, or is not empty and has no row that is a candle.
    """
    found = result.get("list") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(found, list):
        raise BadMarketData(f"{request.symbol}: the candle answer has no list")
    if result.get("symbol") not in (request.symbol, "", None):
        raise BadMarketData(f"{request.symbol}: the answer is about another symbol")
    table = _table(found)
    table = table[possible_candles(table[:, 0], table[:, 1:], interval=request.interval)]
    if found and not len(table):
        raise BadMarketData(f"{request.symbol}: no row of the answer is a candle that can be true")
    # Bybit sends the newest first.
    table = table[np.argsort(table[:, 0], kind="stable")]
    impossible = len(found) - len(table)
    if (np.diff(table[:, 0]) == 0).any():
        table, doubted = _each_once(table)
        impossible += doubted
    table = table[(table[:, 0] >= request.start) & (table[:, 0] <= request.end)]
    open_time, values = table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:])
    forming = bool(len(open_time)) and int(open_time[-1]) + request.interval > time
    return CandleSeries(
        request.symbol, request.interval, open_time, values, forming, impossible=impossible
    )


def join_series(parts: Sequence[CandleSeries], request: CandleRequest) -> CandleSeries:
    """Return the pages of one request as one series, or raise `BadMarketData`."""
    for before, after in pairwise(parts):
        if before.forming and len(after.open_time):
            raise BadMarketData(f"{request.symbol}: a candle was forming inside the history")
    filled = [part for part in parts if len(part.open_time)] or list(parts[:1])
    if not filled:
        nothing = np.empty(0, dtype=np.int64)
        return CandleSeries(
            request.symbol, request.interval, nothing, np.empty((0, 6)), forming=False
        )
    open_time = np.concatenate([part.open_time for part in filled])
    values = np.concatenate([part.values for part in filled])
    return CandleSeries(
        request.symbol,
        request.interval,
        open_time,
        values,
        filled[-1].forming,
        impossible=sum(part.impossible for part in parts),
    )


def _table(found: Sequence[object]) -> FloatArray:
    """Return the rows as (rows, 7); one that is no list of at least seven numbers is NaN."""
    if not found:
        return np.empty((0, COLUMNS))
    try:
        table = np.array(found, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        table = np.array([_numbers(row) for row in found])
    if table.ndim != 2 or table.shape[1] < COLUMNS:  # noqa: PLR2004
        return np.full((len(found), COLUMNS), np.nan)
    return table[:, :COLUMNS]


def _numbers(row: object) -> list[float]:
    if isinstance(row, list) and len(row) >= COLUMNS:
        try:
            return [float(value) for value in row[:COLUMNS]]
        except (TypeError, ValueError, OverflowError):
            pass
    return [math.nan] * COLUMNS


def _each_once(table: FloatArray) -> tuple[FloatArray, int]:
    """Return the table without repeated rows, and without the times whose rows differ; and how
    many such times there are."""
    table = np.unique(table, axis=0)
    _, place, count = np.unique(table[:, 0], return_inverse=True, return_counts=True)
    return table[count[place] == 1], int((count > 1).sum())
