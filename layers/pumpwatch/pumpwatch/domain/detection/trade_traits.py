"""Traits of the market's own trades at a moment: they tell a crowd from one large trader.

An exchange gives the last thousand trades of a symbol; whatever part of the last minute they cover
is used. A crowd that was called to buy leaves many small orders, nearly all of them bought; one
large trader leaves few. Fills that share a millisecond and a side are one order. Everything is a
share, a ratio or a span of time, so no currency is in it.
"""

from __future__ import annotations

import numpy as np

from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE, SECOND

LOOK_BACK = 5 * MINUTE
SEVERAL = 3
"""Trades in a second that is counted by the trait of three trades."""
SHORTEST = 12 * SECOND
"""Time before the minute that a rate of trades is taken over at least."""
EQUAL_ORDERS = 1e-3
"""Concentration of a thousand equal orders: no more trades are shown."""

TRADE_TRAITS = (
    "trades over the rate before",
    "seconds with a trade",
    "seconds with three trades",
    "effective number of buy orders",
    "effective number of buy orders, 10 s",
    "effective number of buy orders, 5 s",
    "turnover share bought",
    "turnover share bought, 10 s",
    "turnover share bought, 5 s",
    "order share bought",
    "order share bought, 10 s",
    "turnover share of the largest buy order",
    "turnover share of the largest buy order, 10 s",
    "share of buy orders with several fills",
    "bought turnover of orders with several fills",
    "median trade over the mean minute",
    "median buy order over the mean minute",
    "entropy of the trades over the minute",
    "length of the middle 80 % of the trades",
    "time from the first trade to the peak",
    "time since the peak",
    "age of 10 % of the turnover",
    "age of half of the turnover",
    "buy orders of 5 s over those of 15 s before",
    "reach of the trades",
    "time since the last trade",
    "falls over all changes of price, 10 s",
)
"""Names of the columns that `trade_traits` returns."""


def trade_traits(trades: MarketTrades, end: int, usual: float) -> FloatArray | None:
    """Return the traits of the minute that ends at `end` (exclusive), shaped (traits,).

    None without a trade in that minute. `usual` is the mean turnover of a minute over the day
    before. NaN marks a trait that the trades do not reach back for.
    """
    shown = trades.shown_at(end)
    seen = shown.between(end - LOOK_BACK, end)
    first = int(np.searchsorted(seen.time, end - MINUTE))
    time, bought, price = seen.time[first:], seen.bought[first:], seen.price[first:]
    count = len(time)
    if count == 0:
        return None
    value = price * seen.quantity[first:]
    total = float(value.sum())
    ten, five = (int(np.searchsorted(time, end - span * SECOND)) for span in (10, 5))
    starts, orders, fills = _orders(time[bought], value[bought])
    recent, newest = orders[starts >= end - 10 * SECOND], orders[starts >= end - 5 * SECOND]
    all_sold, last_sold = (
        len(np.unique(part)) for part in (time[~bought], time[ten:][~bought[ten:]])
    )
    several = fills > 1
    spent = float(orders.sum())
    seconds = np.bincount((time - (end - MINUTE)) // SECOND, minlength=60)
    peak = int(np.argmax(price))
    passed = np.cumsum(value)
    ages = [
        (end - int(time[np.searchsorted(passed, part * total)])) / SECOND for part in (0.1, 0.5)
    ]
    fifteen = np.count_nonzero(starts >= end - 20 * SECOND) - len(newest)
    return np.array(
        [
            np.log1p(count) - np.log1p(_rate(shown, seen.time[:first], end - MINUTE)),
            np.count_nonzero(seconds),
            np.count_nonzero(seconds >= SEVERAL),
            _effective_number(orders),
            _effective_number(recent),
            _effective_number(newest),
            spent / total,
            _share(value[ten:][bought[ten:]], value[ten:]),
            _share(value[five:][bought[five:]], value[five:]),
            len(orders) / max(len(orders) + all_sold, 1),
            len(recent) / max(len(recent) + last_sold, 1),
            orders.max(initial=0.0) / total,
            recent.max(initial=0.0) / max(float(value[ten:].sum()), 1e-300) if ten < count else 0.0,
            np.count_nonzero(several) / max(len(orders), 1),
            _share(orders[several], orders),
            _log(float(np.median(value)) / usual),
            _log(float(np.median(orders)) / usual) if len(orders) else _log(0.0),
            _entropy(seconds.reshape(12, 5).sum(axis=1) / count),
            (time[int(0.9 * (count - 1))] - time[int(0.1 * (count - 1))]) / MINUTE,
            (time[peak] - time[0]) / MINUTE,
            (end - time[peak]) / MINUTE,
            *ages,
            np.log((len(newest) + 1.0) / (fifteen + 3.0) * 3.0),
            (end - time[0]) / SECOND,
            (end - time[-1]) / SECOND,
            _falls(price[max(ten - 1, 0) :]),
        ]
    )


def _orders(time: IntArray, value: FloatArray) -> tuple[IntArray, FloatArray, IntArray]:
    """Return time, value and number of fills of each order: its fills share a millisecond."""
    if not len(time):
        return time, value, time
    first = np.flatnonzero(np.diff(time, prepend=-1))
    return time[first], np.add.reduceat(value, first), np.diff(first, append=len(time))


def _rate(shown: MarketTrades, earlier: IntArray, begin: int) -> float:
    """Return the trades a minute before `begin`, of what is known; NaN when that is too little."""
    known_from = max(shown.since, begin - LOOK_BACK + MINUTE)
    if known_from > begin - SHORTEST:
        return float("nan")
    return len(earlier) * MINUTE / (begin - known_from)


def _share(part: FloatArray, whole: FloatArray) -> float:
    total = float(whole.sum())
    return float(part.sum()) / total if total > 0 else 0.0


def _effective_number(orders: FloatArray) -> float:
    """Return the logarithm of how many equal orders would be as concentrated."""
    if not len(orders):
        return 0.0
    shares = orders / orders.sum()
    return float(-np.log(max((shares * shares).sum(), EQUAL_ORDERS)))


def _entropy(shares: FloatArray) -> float:
    some = shares[shares > 0]
    return float(-(some * np.log(some)).sum())


def _falls(price: FloatArray) -> float:
    """Return the falls from trade to trade over all changes; a half without any."""
    change = np.diff(price)
    moved = float(np.abs(change).sum())
    return float(-change[change < 0].sum()) / moved if moved > 0 else 0.5


def _log(value: float) -> float:
    return float(np.log(max(value, 1e-6)))
