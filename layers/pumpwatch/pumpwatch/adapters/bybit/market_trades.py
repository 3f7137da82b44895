"""Answers of recent-trade as the market's trades.

An answer holds the last thousand trades at most, newest first: minutes of a calm symbol, seconds of
a busy one. How far back it reaches is part of what is read, since half a minute's trades look like
a quiet minute.
"""

from __future__ import annotations

import numpy as np

from pumpwatch.domain.candles import FloatArray
from pumpwatch.domain.market_trades import MOST, MarketTrades
from pumpwatch.errors import BadMarketData

from .fields import LATEST_TIME, NUMBER, Row

__all__ = ["LIMIT", "read_market_trades"]

LIMIT = MOST
"""Trades asked for: the most there are in one answer."""
SIDES = {"Buy": True, "Sell": False}


def read_market_trades(result: object, symbol: str, *, time: int) -> MarketTrades:
    """Return the trades of an answer that the exchange stamped at `time`, oldest first.

    Trades that were agreed off the book are left out. Those that share their millisecond with the
    oldest one may be cut off, so what is known begins after it; an empty answer says nothing of the
    past. Raises `BadMarketData` when the answer is malformed or a trade cannot be true.
    """
    listed = result.get("list") if isinstance(result, dict) else None
    if not isinstance(listed, list):
        raise BadMarketData(f"{symbol}: the answer about trades has no list")
    rows = [_checked(row, symbol) for row in reversed(listed)]
    if not rows:
        nothing = np.empty(0)
        return MarketTrades(
            nothing.astype(np.int64), nothing.astype(np.bool_), nothing, nothing, since=time
        )
    times = _numbers(rows, "time", symbol)
    if (times >= LATEST_TIME).any():
        raise BadMarketData(f"{symbol}: the time of a trade is no time")
    # The exchange's order within a millisecond is kept.
    order = np.argsort(times, kind="stable")
    kept = order[[rows[place].get("isBlockTrade") is not True for place in order]]
    moments = times.astype(np.int64)
    return MarketTrades(
        moments[kept],
        np.array([SIDES[row["side"]] for row in rows], dtype=np.bool_)[kept],
        _numbers(rows, "price", symbol)[kept],
        _numbers(rows, "size", symbol)[kept],
        since=int(moments.min()) + 1,
    )


def _checked(row: object, symbol: str) -> Row:
    if not isinstance(row, dict) or row.get("symbol") != symbol:
        raise BadMarketData(f"{symbol}: a trade is malformed, or of another symbol")
    side = row.get("side")
    if not isinstance(side, str) or side not in SIDES:
        raise BadMarketData(f"{symbol}: the side of a trade is neither Buy nor Sell")
    return row


def _numbers(rows: list[Row], name: str, symbol: str) -> FloatArray:
    """Return a field of every trade; all of them are numbers above zero, as text."""
    values = [row.get(name) for row in rows]
    if not all(isinstance(value, str) and NUMBER.fullmatch(value) for value in values):
        raise BadMarketData(f"{symbol}: the {name} of a trade is no number")
    found = np.array(values, dtype=np.float64)
    if not (np.isfinite(found) & (found > 0)).all():
        raise BadMarketData(f"{symbol}: the {name} of a trade cannot be true")
    return found
