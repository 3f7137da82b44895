"""The tickers answer as arrays: one request, the whole market."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from pumpwatch.domain.candles import BoolArray, FloatArray
from pumpwatch.domain.market import MarketSnapshot

from .fields import Row, rows

__all__ = ["read_snapshot"]

PRICES = {
    "last_price": "lastPrice",
    "mark_price": "markPrice",
    "bid": "bid1Price",
    "ask": "ask1Price",
    "high_24h": "highPrice24h",
    "low_24h": "lowPrice24h",
}
AMOUNTS = {"volume_24h": "volume24h", "turnover_24h": "turnover24h"}
FUNDING, NEXT_FUNDING = "fundingRate", "nextFundingTime"
LATEST_TIME = 1e15


def read_snapshot(result: object, *, time: int) -> MarketSnapshot:
    """Return the USDT perpetuals of a linear tickers answer that the exchange stamped at `time`.

    Dated futures (a dash in the name) and other settlement coins are left out silently. A row whose
    numbers are missing or impossible, and a second row of a symbol, is skipped and named.
    Raises `ExchangeUnavailable` when the answer has no list.
    """
    found = [row for row in rows(result, "tickers") if is_usdt_perpetual(row.get("symbol"))]
    names = [str(row["symbol"]) for row in found]
    columns = {name: _column(found, key) for name, key in (PRICES | AMOUNTS).items()}
    funding, next_funding = _column(found, FUNDING), _column(found, NEXT_FUNDING)
    good = np.isfinite(funding) & (next_funding > 0) & (next_funding < LATEST_TIME)
    for name in PRICES:
        good &= np.isfinite(columns[name]) & (columns[name] > 0)
    for name in AMOUNTS:
        good &= np.isfinite(columns[name]) & (columns[name] >= 0)
    good &= columns["high_24h"] >= columns["low_24h"]
    good &= _first_of_its_name(names)
    return MarketSnapshot(
        time=time,
        symbols=tuple(name for name, keep in zip(names, good, strict=True) if keep),
        **{name: column[good] for name, column in columns.items()},
        funding_rate=funding[good],
        next_funding=next_funding[good].astype(np.int64),
        skipped=tuple(name for name, keep in zip(names, good, strict=True) if not keep),
    )


def is_usdt_perpetual(symbol: object) -> bool:
    """Return whether a linear symbol's name is that of a USDT perpetual, in letters one can see."""
    if not isinstance(symbol, str) or not symbol.isprintable():
        return False
    return symbol.endswith("USDT") and "-" not in symbol


def _column(found: Sequence[Row], key: str) -> FloatArray:
    try:
        return np.array([float(row[key]) for row in found], dtype=np.float64)
    except (KeyError, TypeError, ValueError, OverflowError):
        return np.array([_float(row.get(key)) for row in found], dtype=np.float64)


def _float(value: object) -> float:
    if not isinstance(value, str | int | float):
        return math.nan
    try:
        return float(value)
    except (ValueError, OverflowError):
        return math.nan


def _first_of_its_name(names: Sequence[str]) -> BoolArray:
    first = np.ones(len(names), dtype=np.bool_)
    if len(set(names)) < len(names):
        seen: set[str] = set()
        for index, name in enumerate(names):
            first[index] = name not in seen
            seen.add(name)
    return first
