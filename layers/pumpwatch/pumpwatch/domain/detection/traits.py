"""Traits of a minute's candle and of the 24 hours before it, as numbers without a currency.

Every window ends before the candle or with it and holds at most 1,440 earlier candles, so nothing
depends on how long a symbol has been watched.
"""

from __future__ import annotations

import numpy as np

from pumpwatch.domain.market.candles import FloatArray, IntArray

from .bursts import DAY_OF_MINUTES

BUSY = 30.0
"""Times the mean minute: a candle with more is a burst."""

CANDLE_TRAITS = (
    "turnover over the day's mean",
    "jump over the last close",
    "turnover in standard deviations",
    "rise over the lowest close of 5 minutes",
    "rise over the median close of an hour",
    "largest jump of 5 minutes",
    "turnover of 3 minutes over the day's mean",
    "turnover over the hour before",
    "turnover over the day's largest",
    "turnover 1 minute before",
    "turnover 2 minutes before",
    "turnover 3 minutes before",
    "turnover 4 minutes before",
    "share of minutes with a trade",
    "bursts in the day before",
    "largest jump of the day before",
    "volatility of the day before",
    "jump in standard deviations",
    "turnover of the hour before, onset left out",
    "share of the jump held at the close",
    "share of the jump at the mean price",
    "turnover of the hour before",
)
"""Names of the columns that `candle_traits` returns."""


def candle_traits(
    columns: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    rows: IntArray,
    places: IntArray,
) -> FloatArray:
    """Return the traits of candles, shaped (candles, traits).

    `columns` are high, close, volume and turnover, each (symbols, candles); `rows` and `places`
    name candles with at least 1,440 earlier ones.
    """
    high, close, volume, turnover = columns
    window = places[:, None] + np.arange(-DAY_OF_MINUTES, 0)
    row = rows[:, None]
    flow, closes, highs = turnover[row, window], close[row, window], high[row, window]
    now, last = turnover[rows, places], closes[:, -1]
    top, end = high[rows, places], close[rows, places]
    mean = flow.mean(axis=1)
    floor = np.maximum(mean, np.finfo(float).tiny)
    returns = np.diff(np.log(closes), axis=1)
    jumps = highs[:, 1:] / closes[:, :-1] - 1
    jump = top / last - 1
    volatility = returns.std(axis=1)
    five = np.concatenate([jumps[:, -4:], jump[:, None]], axis=1)
    traded = volume[rows, places]
    paid = np.where(traded > 0, now / np.where(traded > 0, traded, 1.0), last)
    rise = np.where(top > last, top - last, np.inf)
    before_onset = flow[:, -65:-5].mean(axis=1)
    return np.stack(
        [
            _log(now / floor),
            jump,
            _log((now - mean) / np.maximum(flow.std(axis=1), floor * 1e-3)),
            top / closes[:, -5:].min(axis=1) - 1,
            top / np.median(closes[:, -60:], axis=1) - 1,
            five.max(axis=1),
            _log((now + flow[:, -2:].sum(axis=1)) / floor),
            _log(now / np.maximum(before_onset, floor * 1e-3)),
            _log(now / np.maximum(flow[:, :-10].max(axis=1), floor * 1e-3)),
            *(_log(flow[:, -back] / floor, 0.1) for back in (1, 2, 3, 4)),
            (flow > 0).mean(axis=1),
            (flow[:, :-10] > BUSY * floor[:, None]).sum(axis=1),
            jumps[:, :-10].max(axis=1),
            volatility,
            np.log1p(jump) / np.maximum(volatility, 1e-5),
            _log(before_onset / floor, 0.05),
            (end - last) / rise,
            (paid - last) / rise,
            _log(flow[:, -60:].mean(axis=1) / floor, 0.05),
        ],
        axis=1,
    )


def _log(values: FloatArray, least: float = 1e-3) -> FloatArray:
    logarithm: FloatArray = np.log(np.maximum(values, least))
    return logarithm
