"""The trades of a minute that a crowd made, and of one that a single trader made."""

import numpy as np

from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE

BEFORE = 6 * MINUTE


def crowd(end, turnover, price, *, trades=400, reach=BEFORE):
    """Return many small trades, more bought than sold, in the minute that ends at `end`."""
    random = np.random.default_rng(0)
    before = random.integers(end - BEFORE, end - MINUTE, 40)
    time = np.sort(np.concatenate([before, random.integers(end - MINUTE, end, trades)]))
    quantity = random.lognormal(0, 1, len(time))
    inside = time >= end - MINUTE
    quantity[inside] *= turnover / price / quantity[inside].sum()
    quantity[~inside] *= turnover / price / 2000
    bought = random.random(len(time)) < 0.62
    known = time >= end - reach
    prices = price * np.linspace(0.97, 1.0, len(time))
    return MarketTrades(
        time[known], bought[known], prices[known], quantity[known], since=end - reach
    )


def whale(end, turnover, price):
    """Return one large purchase within a minute of nothing else, after calm ones."""
    calm = np.arange(end - BEFORE, end - MINUTE, 3_000)
    time = np.concatenate([calm, end - np.array([31_000, 30_000, 29_990])])
    quantity = np.full(len(time), turnover / price / 10_000)
    quantity[-2] = turnover / price
    bought = np.ones(len(time), dtype=np.bool_)
    return MarketTrades(time, bought, np.full(len(time), price), quantity, since=end - BEFORE)
