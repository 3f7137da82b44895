"""Answers of recent-trade as the market's trades.

An answer holds the last thousand trades at most, newest first: minutes of a calm symbol, seconds of
a busy one. How far back it reaches is part of what is read, since half a minute's trades look like
a quiet minute.
"""

from __future__ import annotations

from itertools import takewhile

import numpy as np

from pumpwatch.domain.market.candles import FloatArray
from pumpwatch.domain.market.trades import MOST, MarketTrades
from pumpwatch.errors import BadMarketData, ExchangeUnavailable

from .fields import LATEST_TIME, NUMBER

LIMIT = MOST
"""Trades asked for: the most there are in one answer."""
SIDES = {"Buy": True, "Sell": False}
NUMBERS = ("time", "price", "size")
BLOCK = (True, "true")


def read_market_trades(result: object, symbol: str) -> MarketTrades:
    """Return the trades of an answer, oldest first.

    The answer is read from its newest trade back to the first row that is no trade of the symbol
    or cannot be true: that row may hide a trade, so nothing is said of what is older. Trades that
    share their millisecond with the oldest one read may be missing, so what is known begins after
    it. Trades that were agreed off the book are left out. Raises `ExchangeUnavailable` when the
    answer is empty: whatever has traded is not known. Raises `BadMarketData` when it has no list or
    its newest row cannot be read.
    """
    listed = result.get("list") if isinstance(result, dict) else None
    if not isinstance(listed, list):
        raise BadMarketData(f"{symbol}: the answer about trades has no list")
    if not listed:
        raise ExchangeUnavailable(f"{symbol}: the exchange shows no trades")
    rows = list(takewhile(lambda row: _is_trade(row, symbol), listed))
    table = np.array([[row[name] for name in NUMBERS] for row in rows], dtype=np.float64)
    count = _sound_rows(table.reshape(-1, len(NUMBERS)))
    if not count:
        raise BadMarketData(f"{symbol}: the newest row about trades is no trade, or cannot be true")
    rows, (times, prices, sizes) = rows[:count][::-1], table.reshape(-1, 3)[:count][::-1].T
    kept = np.array([row.get("isBlockTrade") not in BLOCK for row in rows], dtype=np.bool_)
    moments = times.astype(np.int64)
    return MarketTrades(
        moments[kept],
        np.array([SIDES[row["side"]] for row in rows], dtype=np.bool_)[kept],
        prices[kept],
        sizes[kept],
        since=int(moments[0]) + 1,
    )


def _is_trade(row: object, symbol: str) -> bool:
    return (
        isinstance(row, dict)
        and row.get("symbol") == symbol
        and isinstance(row.get("side"), str)
        and row["side"] in SIDES
        and all(isinstance(row.get(name), str) and NUMBER.fullmatch(row[name]) for name in NUMBERS)
    )


def _sound_rows(table: FloatArray) -> int:
    """Return how many rows from the newest on are sound; `table` is shaped (trades, 3).

    Where a row is newer than the one before it, either may be wrong.
    """
    sound = (np.isfinite(table) & (table > 0)).all(axis=1) & (table[:, 0] < LATEST_TIME)
    newer = np.diff(table[:, 0]) > 0
    sound[1:] &= ~newer
    sound[:-1] &= ~newer
    return len(sound) if sound.all() else int(np.argmin(sound))
