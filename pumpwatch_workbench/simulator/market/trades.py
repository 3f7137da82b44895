"""The trades of a minute, drawn so that they give its candle.

Orders arrive at irregular moments of volume time, which runs as the minute's volume does; each is
filled in one or several parts that share its millisecond. A trade is as large as the volume that
flowed between the moments halfway to its neighbours, and its price lies on the minute's line. So
the trades of a complete minute add up to its volume, and their first, highest, lowest and last
prices are the candle's; their turnover is the candle's but for what the line does between two of
them. What was traded by any instant within the minute is the forming candle's volume to within one
trade.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator as Random

from pumpwatch_workbench.simulator.engine.prices import decimals
from pumpwatch_workbench.simulator.market.paths import MinutePaths
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    FloatArray,
    IntArray,
    Market,
    Trades,
)

LAST_MS = MINUTE_MS - 1
NOTHING = np.empty(0)
NO_TRADES = Trades(NOTHING.astype(np.int64), NOTHING.astype(np.bool_), NOTHING, NOTHING)


@dataclass(frozen=True, slots=True, eq=False)
class PriceLine:
    """One minute: knots of its price and of the volume traded so far, each shaped (knots,)."""

    offset: FloatArray
    """Milliseconds after the minute's start, from 0 to 60,000."""
    price: FloatArray
    traded: FloatArray
    """Base coin, from 0 to the minute's volume."""


@dataclass(frozen=True, slots=True)
class Style:
    """Trading style of a minute."""

    orders: int
    fills: float
    """Parts an order is filled in, at the mean; at least 1."""
    unevenness: float
    """Standard deviation of the logarithm of the volume between two orders."""
    bought: float
    """Share of the orders that buy while the price stands still."""
    leaning: float
    """Increase of that share while the price rises, decrease while it falls."""


CALM = Style(orders=3, fills=1.1, unevenness=1.5, bought=0.5, leaning=0.3)


def line_of(minute: MinutePaths) -> PriceLine:
    """Return the line of one minute, every field of which is a number."""
    first_at, second_at = float(minute.first_at), float(minute.second_at)
    volume = float(minute.volume)
    early = volume * float(minute.early_share)
    middle = (volume - early) * (second_at - first_at) / (MINUTE_MS - first_at)
    return PriceLine(
        np.array([0.0, first_at, second_at, MINUTE_MS]),
        np.array([minute.open, minute.first, minute.second, minute.close], dtype=np.float64),
        np.array([0.0, early, early + middle, volume]),
    )


def draw(
    line: PriceLine, style: Style, random: Random, *, opened: int, scale: float, unit: float
) -> Trades:
    """Return the trades of the minute that opened at `opened` (milliseconds UTC), oldest first.

    Prices are multiples of one over `scale`, quantities of `unit`; so is their sum, the volume
    rounded. A volume of fewer units than the line has turning points leaves some of these out.
    """
    whole = round(float(line.traded[-1]) / unit)
    if whole <= 0:
        return NO_TRADES
    marks = _marks(line)
    moments = _moments(line, max(style.orders - len(marks), 0), style.unevenness, random)
    offset = _at_most(np.unique(np.concatenate([marks, moments])), whole)
    price = np.rint(np.interp(offset, line.offset, line.price) * scale) / scale
    price[-1] = np.rint(line.price[-1] * scale) / scale if offset[-1] == LAST_MS else price[-1]
    halfway = np.concatenate([(offset[1:] + offset[:-1]) / 2, [MINUTE_MS]])
    units = np.diff(np.rint(np.interp(halfway, line.offset, line.traded) / unit), prepend=0.0)
    units = _at_least_one(units, whole)
    slope = np.diff(np.interp([offset - 1, offset + 1], line.offset, line.price), axis=0)[0]
    bought = random.random(len(offset)) < style.bought + style.leaning * np.sign(slope)
    parts = np.minimum(random.geometric(1.0 / style.fills, len(offset)), units).astype(np.int64)
    return Trades(
        np.repeat(opened + offset.astype(np.int64), parts),
        np.repeat(bought, parts),
        np.repeat(price, parts),
        _split(units, parts, random) * unit,
    )


def between(trades: Trades, first: int, end: int) -> Trades:
    """Return the trades from `first` to `end`, both included, milliseconds UTC."""
    part = slice(*np.searchsorted(trades.time, [first, end + 1]).tolist())
    return Trades(trades.time[part], trades.bought[part], trades.price[part], trades.quantity[part])


def joined(parts: Sequence[Trades]) -> Trades:
    """Return the trades of successive minutes as one."""
    parts = [NO_TRADES, *parts]
    columns = ("time", "bought", "price", "quantity")
    return Trades(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def plain_trades(market: Market, index: int, first: int, end: int) -> Trades:
    """Return calm trades from `first` to `end`, drawn from a market's candles and price lines."""
    begin, stop = first // MINUTE_MS * MINUTE_MS, end // MINUTE_MS * MINUTE_MS
    candles = market.minutes(index, begin, stop)
    listing = market.listings[index]
    scale, unit = 1.0 / float(listing.tick_size), 10.0 ** -decimals(listing.quantity_step)
    parts = []
    for opened, volume in zip(candles.open_time.tolist(), candles.volume.tolist(), strict=True):
        times, prices = market.path(index, opened, opened + MINUTE_MS)
        offset = (times - opened).astype(np.float64)
        line = PriceLine(offset, prices, volume * offset / MINUTE_MS)
        random = np.random.default_rng([index, opened // MINUTE_MS])
        parts.append(draw(line, CALM, random, opened=opened, scale=scale, unit=unit))
    return between(joined(parts), first, end)


def _marks(line: PriceLine) -> FloatArray:
    """Return the moments of the knots that the candle needs: ends and extremes."""
    if np.ptp(line.price) == 0:
        return NOTHING
    needed = {0, len(line.price) - 1, int(np.argmax(line.price)), int(np.argmin(line.price))}
    return np.minimum(line.offset[sorted(needed)], float(LAST_MS))


def _moments(line: PriceLine, count: int, unevenness: float, random: Random) -> FloatArray:
    """Return when so many orders arrive: at the least one where there are no marks."""
    gaps = random.lognormal(0.0, unevenness, count + 1)
    places = np.cumsum(gaps)[:-1] / gaps.sum()
    if np.ptp(line.price) == 0 and not count:
        places = random.random(1)
    moments = np.interp(places * line.traded[-1], line.traded, line.offset)
    return np.asarray(np.clip(np.rint(moments), 0.0, float(LAST_MS)), dtype=np.float64)


def _at_most(values: FloatArray, count: int) -> FloatArray:
    if len(values) <= count:
        return values
    picked = np.rint(np.linspace(len(values) - 1, 0, count)).astype(np.int64)
    return values[picked[::-1]]


def _at_least_one(units: FloatArray, whole: int) -> FloatArray:
    """Return the sizes with none below one unit and the sum as it is; the largest ones give."""
    units = np.maximum(units, 1.0)
    surplus = units.sum() - whole
    while surplus > 0:
        largest = int(np.argmax(units))
        given = min(surplus, max(units[largest] // 2, 1.0), units[largest] - 1.0)
        units[largest] -= given
        surplus -= given
    units[np.argmax(units)] -= surplus
    return units


def _split(units: FloatArray, parts: IntArray, random: Random) -> FloatArray:
    """Return each order's units split into its parts, each of at least one unit."""
    weight = random.exponential(1.0, int(parts.sum())) + 1e-9
    starts = np.cumsum(parts) - parts
    share = weight / np.repeat(np.add.reduceat(weight, starts), parts)
    split = 1.0 + np.floor(share * np.repeat(units - parts, parts))
    left = units - np.add.reduceat(split, starts)
    split[starts] += left
    return np.asarray(split, dtype=np.float64)
