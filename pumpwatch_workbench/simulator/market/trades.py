"""The trades of minutes, drawn so that they give their candles.

Orders arrive at irregular moments of volume time, which runs as a minute's volume does; each is
filled in one or several parts that share its millisecond. A trade is as large as the volume that
flowed between the moments halfway to its neighbours, and its price lies on the minute's line. The
trades of a minute add up to its volume, one of them is at its highest and one at its lowest price,
and the last one is its close; it opens at the close before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from pumpwatch_workbench.simulator.market.paths import MinutePaths
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    FloatArray,
    IntArray,
    Market,
    Trades,
)
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.tape import STRIDE, Tape, starts

LAST_MS = MINUTE_MS - 1
PLAIN_MS = 6_000
FEWEST = 3
"""Units that a line needs so that its highest, lowest and last price are traded."""
LARGE = 20.0
"""Times the mean order, beyond which an order is as any large one."""
NOTHING = np.empty(0)
NO_TRADES = Trades(NOTHING.astype(np.int64), NOTHING.astype(np.bool_), NOTHING, NOTHING)
_ORDERS, _SIDES = 700, 701
_MOST_ORDERS = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class PriceLine:
    """One minute: knots of its price and of the volume traded so far, each shaped (knots,)."""

    offset: FloatArray
    """Milliseconds after the minute's start, from 0 to 60,000."""
    price: FloatArray
    traded: FloatArray
    """Base coin, from 0 to the minute's volume."""
    bought: FloatArray
    """Share of the orders that buy while the price stands still."""


@dataclass(frozen=True, slots=True, eq=False)
class PriceLines:
    """Many minutes' lines one after the other; every array but `first` is shaped (knots,)."""

    first: IntArray
    """The place of each line's first knot, and the number of knots: (lines + 1,)."""
    offset: FloatArray
    price: FloatArray
    traded: FloatArray
    bought: FloatArray

    @classmethod
    def along(
        cls, minutes: MinutePaths, bought: FloatArray, special: Mapping[int, PriceLine]
    ) -> Self:
        """Return the lines of minutes, whose fields are shaped (minutes,), some with their own."""
        count = len(bought)
        early = minutes.volume * minutes.early_share
        span = (minutes.second_at - minutes.first_at) / (MINUTE_MS - minutes.first_at)
        middle = early + (minutes.volume - early) * span
        nought, whole = np.zeros(count), np.full(count, float(MINUTE_MS))
        turns = [at.astype(np.float64) for at in (minutes.first_at, minutes.second_at)]
        columns: tuple[tuple[FloatArray, ...], ...] = (
            (nought, *turns, whole),
            (minutes.open, minutes.first, minutes.second, minutes.close),
            (nought, early, middle, minutes.volume),
            (bought, bought, bought, bought),
        )
        knots = np.full(count, len(columns[0]))
        knots[list(special)] = [len(line.offset) for line in special.values()]
        first = starts(knots)
        plain = np.setdiff1d(np.arange(count), list(special))
        places = first[plain, None] + np.arange(len(columns[0]))
        filled = []
        for name, column in zip(_LINE_FIELDS, columns, strict=True):
            values = np.empty(first[-1])
            values[places] = np.stack(column, axis=1)[plain]
            for number, line in special.items():
                values[first[number] : first[number + 1]] = getattr(line, name)
            filled.append(values)
        return cls(first, *filled)

    @property
    def count(self) -> int:
        """Return how many lines there are."""
        return len(self.first) - 1

    @property
    def owner(self) -> IntArray:
        """Return the line of each knot."""
        return np.repeat(np.arange(self.count), np.diff(self.first))

    @property
    def place(self) -> FloatArray:
        """Return each knot's place if one line follows the other."""
        return self.offset + self.owner * STRIDE


_LINE_FIELDS = tuple(PriceLine.__dataclass_fields__)


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """Minutes and who trades in them; arrays are shaped (minutes,)."""

    minute: IntArray
    """Numbered from 1970."""
    series: IntArray
    """Address of the symbol's noise."""
    scale: FloatArray
    """Prices are multiples of one over it."""
    unit: FloatArray
    """Quantities are multiples of it."""
    orders: IntArray
    fills: FloatArray
    """Parts an order of the mean size is filled in beyond the first; above 0."""
    unevenness: FloatArray
    """Standard deviation of the logarithm of the volume between two orders."""
    leaning: FloatArray
    """Increase of the share bought while the price rises, decrease while it falls."""
    sweeping: FloatArray
    """Increase of the share bought with the logarithm of an order's size."""


def draw(lines: PriceLines, style: Style, noise: Noise) -> Tape:
    """Return the trades of minutes, the same for a minute whichever others are drawn with it.

    The sum of a minute's quantities is its volume rounded to whole units. A volume of fewer units
    than the line has turning points leaves some of these out.
    """
    whole = np.rint(lines.traded[lines.first[1:] - 1] / style.unit).astype(np.int64)
    owner, offset = _moments(lines, style, noise, whole)
    place, scale = offset + owner * STRIDE, style.scale[owner]
    ticks = np.rint(np.interp(place, lines.place, lines.price) * scale).astype(np.int64)
    last = np.flatnonzero(np.diff(owner, append=-1))
    close = lines.price[lines.first[1:] - 1] * style.scale
    ticks[last] = np.rint(close[owner[last]]).astype(np.int64)
    units = _units(lines, owner, place, whole)
    orders = np.bincount(owner, minlength=lines.count)
    steps = style.minute[owner] * _MOST_ORDERS + np.arange(len(owner)) - starts(orders)[owner]
    chance = noise.scattered(_SIDES, steps, style.series[owner])
    before, after = (
        np.interp(np.clip(offset + step, 0, MINUTE_MS) + owner * STRIDE, lines.place, lines.price)
        for step in (-1, 1)
    )
    size = np.minimum(units * orders[owner] / whole[owner], LARGE)
    share = np.interp(place, lines.place, lines.bought) + style.leaning[owner] * np.sign(
        after - before
    )
    bought = chance[0] < share + style.sweeping[owner] * np.log(size)
    # A large order sweeps several levels of the book.
    fills = 1.0 + style.fills[owner] * size
    parts = np.minimum(np.ceil(np.log(chance[1]) / np.log1p(-1.0 / fills)), units).astype(np.int64)
    return Tape(
        lines.count,
        np.repeat(owner, parts),
        np.repeat(offset, parts),
        np.repeat(bought, parts),
        np.repeat(ticks, parts),
        _split(units, parts),
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
    """Return a trade every six seconds, on a market's price lines and as large as its candles."""
    opened = market.minutes(index, first // MINUTE_MS * MINUTE_MS, end // MINUTE_MS * MINUTE_MS)
    offsets = np.arange(PLAIN_MS - 1, MINUTE_MS, PLAIN_MS)
    times = (opened.open_time[:, None] + offsets).reshape(-1)
    prices = np.array([market.price(index, time) for time in times.tolist()])
    share = np.repeat(opened.volume / len(offsets), len(offsets))
    return between(Trades(times, times // PLAIN_MS % 2 == 0, prices, share), first, end)


def _moments(
    lines: PriceLines, style: Style, noise: Noise, whole: IntArray
) -> tuple[IntArray, IntArray]:
    """Return the line and the moment of each order: a line without volume has none."""
    marked, mark = _marks(lines)
    kept = whole[marked] >= FEWEST
    marked, mark = marked[kept], mark[kept]
    wanted = np.clip(style.orders, 1, whole) - np.bincount(marked, minlength=lines.count)
    extra = np.maximum(wanted, whole > 0)
    begins = starts(extra + 1)
    owner = np.repeat(np.arange(lines.count), extra + 1)
    number = np.arange(len(owner)) - begins[owner]
    steps = style.minute[owner] * _MOST_ORDERS + number
    radius, angle, closing, _ = noise.scattered(_ORDERS, steps, style.series[owner])
    normal = np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * np.pi * angle)
    reached = np.cumsum(np.exp(style.unevenness[owner] * normal))
    begun = np.append(0.0, reached)[begins]
    share = (reached - begun[owner]) / (begun[1:] - begun[:-1])[owner]
    inner = number < extra[owner]
    # Volume time of each line runs from twice its number on, so that lines do not meet.
    total = lines.traded[lines.first[1:] - 1]
    flowed = lines.traded / np.maximum(total, 1e-300)[lines.owner] + 2.0 * lines.owner
    moments = np.interp(share + 2.0 * owner, flowed, lines.offset)[inner]
    owner, closing = owner[inner], closing[inner]
    latest = np.zeros(lines.count)
    np.maximum.at(latest, marked, mark)
    # The last order comes after every extreme: it is the close.
    final = np.flatnonzero(np.diff(owner, append=-1))
    least = latest[owner[final]] + 1.0
    late = least + closing[final] * (LAST_MS - least)
    moments[final] = np.maximum(moments[final], late)
    place = np.concatenate([marked * STRIDE + mark, owner * STRIDE + moments])
    place = np.sort(np.rint(place).astype(np.int64))
    place = place[np.diff(place, prepend=-1) > 0]
    owner = place // STRIDE
    return owner, np.minimum(place - owner * STRIDE, LAST_MS)


def _marks(lines: PriceLines) -> tuple[IntArray, FloatArray]:
    """Return line and moment of each extreme that is neither the open nor the close."""
    owner, begin = lines.owner, lines.first[:-1]
    ends = (lines.price[begin], lines.price[lines.first[1:] - 1])
    extremes = []
    for extreme in (np.maximum, np.minimum):
        values = extreme.reduceat(lines.price, begin)
        beyond = (values != ends[0]) & (values != ends[1])
        places = np.flatnonzero((lines.price == values[owner]) & beyond[owner])
        extremes.append(places[np.diff(owner[places], prepend=-1) > 0])
    places = np.concatenate(extremes)
    return owner[places], np.minimum(lines.offset[places], LAST_MS - 1.0)


def _units(lines: PriceLines, owner: IntArray, place: IntArray, whole: IntArray) -> IntArray:
    """Return each order's size, at least one unit; those of a line add up to its volume."""
    halfway = (place[1:] + place[:-1]) / 2.0
    ends = np.diff(owner, append=-1) != 0
    flowed = np.interp(np.append(halfway, 0.0), lines.place, lines.traded)
    total = lines.traded[lines.first[1:] - 1]
    share = np.where(ends, 1.0, flowed / np.maximum(total, 1e-300)[owner])
    number = np.bincount(owner, minlength=lines.count)
    reached = np.rint(share * (whole - number)[owner]).astype(np.int64)
    begun = np.diff(owner, prepend=-1) != 0
    sizes: IntArray = 1 + reached - np.where(begun, 0, np.append(0, reached[:-1]))
    return sizes


def _split(units: IntArray, parts: IntArray) -> IntArray:
    """Return the sizes of each order's parts, which are equal but for the first one."""
    sizes: IntArray = np.repeat(units // parts, parts)
    sizes[starts(parts)[:-1]] += units % parts
    return sizes
