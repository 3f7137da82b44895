"""The body of /v5/market/kline: which candles a request names, and their text."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import orjson
from numpy.typing import NDArray

from pumpwatch_workbench.simulator.engine.prices import Prices, decimals, listing_scale
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.market.source import (
    DAY_MS,
    MINUTE_MS,
    FloatArray,
    Listing,
    Market,
    Minutes,
)

INTERVALS = {
    **{str(minutes): minutes * MINUTE_MS for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": DAY_MS,
    "W": 7 * DAY_MS,
    "M": 31 * DAY_MS,
}
LEAST_PLAIN, MOST_PLAIN = 1e-4, 1e15
"""Bounds of the floats that the serializer writes plainly."""
MONDAY = 4 * DAY_MS
"""The first Monday of the epoch: weeks begin there."""


@dataclass(frozen=True, slots=True)
class CandleQuery:
    """Query of a kline request; times in milliseconds UTC."""

    index: int
    interval: str
    start: int | None
    end: int | None
    limit: int


def candle_rows(
    market: Market,
    settings: ExchangeSettings,
    query: CandleQuery,
    now: int,
    marks: Prices | None = None,
) -> bytes:
    """Return the rows as JSON, newest first; the one containing `now` is still forming.

    Those of the mark prices in `marks` have neither volume nor turnover.
    """
    first, last = _range(query, settings, now)
    if first > last:
        return b"[]"
    minutes = _minutes(market, query, first, last, now)
    if marks is not None:
        minutes = _marked(minutes, marks, query.index, now)
    if settings.empty_minutes == "absent":
        minutes = _keep(minutes, minutes.volume > 0)
    if query.interval != "1":
        minutes = _grouped(minutes, _bucket(minutes.open_time, query.interval))
    inside = (minutes.open_time >= first) & (minutes.open_time <= last)
    kept = np.flatnonzero(inside)
    # Only a start: forward from it. Otherwise the newest ones.
    forward = query.start is not None and query.end is None
    kept = kept[: query.limit] if forward else kept[-query.limit :]
    return _text(_keep(minutes, kept), market.listings[query.index], traded=marks is None)


def _range(query: CandleQuery, settings: ExchangeSettings, now: int) -> tuple[int, int]:
    """Return the opening times of the first and the last candle asked for."""
    length = INTERVALS[query.interval]
    newest = _floor(now, query.interval)
    last = newest if query.end is None else min(_floor(query.end, query.interval), newest)
    if query.start is None:
        first = last - (query.limit - 1) * length
    else:
        first = _floor(query.start, query.interval)
        if settings.kline_start == "next" and first < query.start:
            first += length if query.interval != "M" else 1
        if query.end is None:
            last = min(last, first + (query.limit - 1) * length)
        else:
            first = max(first, last - (query.limit - 1) * length)
    if query.interval != "1":
        first = max(first, now - settings.history_days * DAY_MS)
    return max(first, 0), last


def _minutes(market: Market, query: CandleQuery, first: int, last: int, now: int) -> Minutes:
    """Return one-minute candles that cover the range, the forming one included."""
    minute = now // MINUTE_MS * MINUTE_MS
    covered = last + INTERVALS[query.interval] - MINUTE_MS
    past = market.minutes(query.index, first, min(covered, minute - MINUTE_MS))
    if covered < minute:
        return past
    forming = market.forming(query.index, now)
    columns = [
        np.concatenate([getattr(past, name), getattr(forming, name)])
        for name in Minutes.__dataclass_fields__
    ]
    joined = Minutes(*columns)
    return _keep(joined, np.isfinite(joined.close))


def _marked(minutes: Minutes, marks: Prices, index: int, now: int) -> Minutes:
    """Return the candles of the mark price, made of its value at both ends of each."""
    opened, closed = (
        np.array([float(marks.mark(index, time)) for time in times.tolist()])
        for times in (minutes.open_time, np.minimum(minutes.open_time + MINUTE_MS, now))
    )
    high, low = np.maximum(opened, closed), np.minimum(opened, closed)
    return replace(minutes, open=opened, high=high, low=low, close=closed)


def _floor(time: int, interval: str) -> int:
    return int(_bucket(np.array([time], dtype=np.int64), interval)[0])


def _bucket(times: NDArray[np.int64], interval: str) -> NDArray[np.int64]:
    """Return the opening time of the candle each time falls in."""
    if interval == "M":
        months = times.astype("datetime64[ms]").astype("datetime64[M]")
        return months.astype("datetime64[ms]").astype(np.int64)
    length = INTERVALS[interval]
    shift = MONDAY if interval == "W" else 0
    return (times - shift) // length * length + shift


def _grouped(minutes: Minutes, bucket: NDArray[np.int64]) -> Minutes:
    if not len(bucket):
        return minutes
    starts = np.flatnonzero(np.r_[True, bucket[1:] != bucket[:-1]])
    ends = np.r_[starts[1:], len(bucket)] - 1
    return Minutes(
        open_time=bucket[starts],
        open=minutes.open[starts],
        high=np.maximum.reduceat(minutes.high, starts),
        low=np.minimum.reduceat(minutes.low, starts),
        close=minutes.close[ends],
        volume=np.add.reduceat(minutes.volume, starts),
        turnover=np.add.reduceat(minutes.turnover, starts),
    )


def _keep(minutes: Minutes, which: NDArray[np.intp] | NDArray[np.bool_]) -> Minutes:
    columns = [getattr(minutes, name)[which] for name in Minutes.__dataclass_fields__]
    return Minutes(*columns)


def _text(minutes: Minutes, listing: Listing, *, traded: bool) -> bytes:
    tick, scale = float(listing.tick_size), listing_scale(listing)
    columns = [list(map(str, minutes.open_time.tolist()))]
    for prices in (minutes.open, minutes.high, minutes.low, minutes.close):
        columns.append(_trimmed(np.maximum(np.round(prices / tick), 1.0) * tick, scale))
    if traded:
        columns.append(_trimmed(minutes.volume, decimals(listing.quantity_step)))
        columns.append(_trimmed(minutes.turnover, 4))
    rows = list(map('","'.join, zip(*columns, strict=True)))
    if not rows:
        return b"[]"
    rows.reverse()
    return ('[["' + '"],["'.join(rows) + '"]]').encode()


def _trimmed(values: FloatArray, scale: int) -> list[str]:
    """Return the shortest text of every value at `scale` decimals: no exponent, no zeros behind."""
    rounded = np.round(values, scale)
    if not len(rounded):
        return []
    smallest = np.min(rounded, where=rounded > 0, initial=1.0)
    if smallest < LEAST_PLAIN or rounded.max() >= MOST_PLAIN:
        return [_slow_trimmed(value, scale) for value in rounded.tolist()]
    written = orjson.dumps(rounded, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return f"{written[1:-1]},".replace(".0,", ",")[:-1].split(",")


def _slow_trimmed(value: float, scale: int) -> str:
    text = f"{value:.{scale}f}"
    return text.rstrip("0").rstrip(".") if scale else text
