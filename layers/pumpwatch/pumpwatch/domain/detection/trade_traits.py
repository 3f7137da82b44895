"""Traits of the market's own trades around a candle: they tell a crowd from one large trader.

An exchange gives the last thousand trades of a symbol; five minutes of them are looked at. A crowd
that was called to buy leaves many small orders, nearly all of them bought; one large trader leaves
few. Everything is a share, a ratio or a count of seconds, so no currency is in it.
"""

from __future__ import annotations

import numpy as np

from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE

LOOK_BACK = 5 * MINUTE
SEVERAL = 3
"""Trades in a second that is counted by the trait of three trades."""
SHORTEST = 12_000
"""Milliseconds before the minute that a rate of trades is taken over at least."""
NEEDED = MINUTE + SHORTEST
"""Milliseconds before the minute's end that must be known wholly: part of a minute's trades looks
like a quiet minute."""

TRADE_TRAITS = (
    "trades over the rate before",
    "seconds with a trade",
    "seconds with three trades",
    "effective number of buy orders",
    "turnover share of the last 10 s",
    "trade share of the last 10 s",
    "turnover share bought",
    "order share bought",
    "median trade over the mean minute",
    "spread of the trades over the minute",
    "turnover share of the largest buy order",
    "length of the middle 80 % of the trades",
    "time from the first trade to the peak",
)
"""Names of the columns that `trade_traits` returns."""


def trade_traits(
    trades: MarketTrades, end: int, usual: float, *, whole: bool = True
) -> FloatArray | None:
    """Return the traits of the minute that ends at `end`, shaped (traits,).

    None when there is no trade in the minute, and with `whole` when the trades do not reach back
    `NEEDED`. `usual` is the mean turnover of a minute over the day before.
    """
    shown = trades.shown_at(end)
    if whole and not shown.reach_back_to(end - NEEDED):
        return None
    seen = shown.between(end - LOOK_BACK, end)
    first = int(np.searchsorted(seen.time, end - MINUTE))
    time, bought = seen.time[first:], seen.bought[first:]
    count = len(time)
    if count == 0:
        return None
    value = seen.price[first:] * seen.quantity[first:]
    total = float(value.sum())
    orders = _orders(time[bought], value[bought])
    sold = len(np.unique(time[~bought]))
    seconds = np.bincount((time - (end - MINUTE)) // 1000, minlength=60)
    recent = time >= end - 10_000
    span = (np.quantile(time, 0.9) - np.quantile(time, 0.1)) / MINUTE
    peak = int(np.argmax(seen.price[first:]))
    return np.array(
        [
            np.log1p(count) - np.log1p(_rate(seen.time[:first], end - MINUTE)),
            np.count_nonzero(seconds),
            np.count_nonzero(seconds >= SEVERAL),
            _effective_number(orders),
            value[recent].sum() / total,
            recent.mean(),
            value[bought].sum() / total,
            len(orders) / (len(orders) + sold),
            np.log(max(float(np.median(value)) / usual, 1e-6)),
            _entropy(seconds.reshape(12, 5).sum(axis=1) / count),
            orders.max(initial=0.0) / total,
            span,
            (time[peak] - time[0]) / MINUTE,
        ]
    )


def _orders(time: IntArray, value: FloatArray) -> FloatArray:
    """Return the value of each order: its fills share a millisecond."""
    if not len(time):
        return np.empty(0)
    return np.add.reduceat(value, np.flatnonzero(np.diff(time, prepend=-1)))


def _rate(earlier: IntArray, end: int) -> float:
    if not len(earlier):
        return 0.0
    return len(earlier) * MINUTE / max(end - int(earlier[0]), SHORTEST)


def _effective_number(orders: FloatArray) -> float:
    """Return the logarithm of how many equal orders would be as concentrated."""
    if not len(orders):
        return 0.0
    shares = orders / orders.sum()
    return float(-np.log(max((shares * shares).sum(), 1e-3)))


def _entropy(shares: FloatArray) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())
