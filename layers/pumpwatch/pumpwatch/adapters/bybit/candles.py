"""Kline answers as candle series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from pumpwatch.domain.candles import CandleSeries, FloatArray, IntArray, first_bad_candle
from pumpwatch.errors import BadMarketData
from pumpwatch.ports import CandleRequest

__all__ = ["INTERVALS", "join_series", "pages", "read_candles"]

PAGE = 1000
"""Most candles in one answer."""

MINUTES = (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)
INTERVALS = {60_000 * minutes: str(minutes) for minutes in MINUTES} | {86_400_000: "D"}
"""Bybit's name for each interval in milliseconds."""

COLUMNS = 7
LATEST_TIME = 1e15


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

    Raises `BadMarketData` when the answer is malformed or a candle cannot be true.
    """
    listed = result.get("list") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(listed, list):
        raise BadMarketData(f"{request.symbol}: the candle answer has no list")
    if result.get("symbol", request.symbol) != request.symbol:
        raise BadMarketData(f"{request.symbol}: the answer is about another symbol")
    table = _table(listed, request.symbol)
    table = table[(table[:, 0] >= request.start) & (table[:, 0] <= request.end)]
    open_time, values = table[:, 0].astype(np.int64), np.ascontiguousarray(table[:, 1:])
    _check(open_time, values, request)
    forming = bool(len(open_time)) and int(open_time[-1]) + request.interval > time
    return CandleSeries(request.symbol, request.interval, open_time, values, forming)


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
    return CandleSeries(request.symbol, request.interval, open_time, values, filled[-1].forming)


def _table(listed: Sequence[object], symbol: str) -> FloatArray:
    """Return the rows as (candles, 7), oldest first; Bybit sends the newest first."""
    if not listed:
        return np.empty((0, COLUMNS))
    try:
        table = np.array(listed[::-1], dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise BadMarketData(f"{symbol}: a candle row holds something that is no number") from None
    if table.ndim != 2 or table.shape[1] != COLUMNS:  # noqa: PLR2004
        raise BadMarketData(f"{symbol}: a candle row does not have {COLUMNS} fields")
    times = table[:, 0]
    if not (np.isfinite(times) & (times >= 0) & (times < LATEST_TIME)).all():
        raise BadMarketData(f"{symbol}: an open time is no time")
    return table


def _check(open_time: IntArray, values: FloatArray, request: CandleRequest) -> None:
    bad = first_bad_candle(open_time, values, interval=request.interval)
    if bad is not None:
        row, reason = bad
        raise BadMarketData(f"{request.symbol}: candle of {int(open_time[row])}: {reason}")
