"""First crossings of a level by a polyline of prices."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from pumpwatch_workbench.simulator.market.source import FloatArray, IntArray

Knot = tuple[int, float]
"""Time in milliseconds, and price."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """The instant (milliseconds) and the price at which a level was reached."""

    time: int
    price: float


def first_crossing(
    times: IntArray, prices: FloatArray, level: float, *, rising: bool, after: int
) -> Crossing | None:
    """Return the first instant at or after `after` with price >= level (<= when not rising).

    A gap between two knots at the same time is crossed at its far end, so a stop in a gap fills
    at the price after it. NaN knots (not trading) are passed over.
    """
    sign = 1.0 if rising else -1.0
    for begin, end in _pieces(times, prices, after):
        if begin is not None and sign * (begin[1] - level) >= 0:
            return Crossing(*begin)
        if sign * (end[1] - level) >= 0:
            return _inside(begin, end, level)
    return None


def trailing_crossing(
    times: IntArray,
    prices: FloatArray,
    best: float,
    distance: float,
    *,
    falling: bool,
    after: int,
) -> Crossing | None:
    """Return the first instant at or after `after` at which a trailing stop fires.

    `best` is the most favourable price so far; `falling`: a long position's stop, which follows
    the highest price and fires on a fall by `distance`.
    """
    sign = 1.0 if falling else -1.0
    high = sign * best
    for begin, end in _pieces(times, prices, after):
        high = max(high, sign * begin[1]) if begin is not None else high
        level = high - distance
        if sign * end[1] <= level:
            return _inside(begin, end, sign * level)
        high = max(high, sign * end[1])
    return None


def _pieces(times: IntArray, prices: FloatArray, after: int) -> Iterator[tuple[Knot | None, Knot]]:
    """Yield both ends of each segment of a line that begins at `after`, None for no start."""
    previous: Knot | None = None
    for knot in zip(times.tolist(), prices.tolist(), strict=True):
        if math.isnan(knot[1]):
            previous = None
            continue
        if knot[0] >= after:
            yield previous, knot
        previous = knot


def _inside(start: Knot | None, end: Knot, level: float) -> Crossing:
    if start is None or start[0] == end[0]:
        return Crossing(end[0], end[1])
    share = (level - start[1]) / (end[1] - start[1])
    return Crossing(math.ceil(start[0] + share * (end[0] - start[0])), level)
