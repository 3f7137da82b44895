"""Find what cannot be in the candles and trades of one segment, and say what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from pumpwatch.domain.market.candles import BoolArray, FloatArray, IntArray
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch_workbench.pages.words import moment
from pumpwatch_workbench.recordings.parquet import CANDLE_COLUMNS, EMPTY, PRICES
from pumpwatch_workbench.recordings.tables import SegmentRow

Problem = tuple[int, str]
"""Row within the segment, what is wrong there and what to do."""

LOWEST, HIGHEST, MOST = 1e-12, 1e12, 1e18
"""Bounds of a price, and of a minute's volume and turnover, that no market comes near."""
LONGEST_GAP = 24 * HOUR
COARSE_STEPS = 60
"""Steps in a row that, sharing a factor, are candles of another interval."""
FEWEST_STEPS = 20
"""Steps that must share a factor; in a shorter segment all of them, if there are so many."""
MICROSECONDS, NANOSECONDS = 10**14, 10**17
"""Milliseconds reach 10^14 in the year 5138; microseconds did in 1973."""
SECONDS = (900_000_000, 10_000_000_000)
"""Seconds of the years 1998 to 2286."""
LOOK = 1_000
"""Candles that are looked at for prices that were rounded to 32 bits."""
DIGITS, ODD = 9, 1e-3
"""No 32-bit number needs more significant digits; so much beyond them is not a double's error."""
FAR = 2.0
"""Factor by which a mean price may lie beyond the highest and the lowest price."""
REMOVE = "; correct or remove the row"
SORT = "sort by segment and time"
SIDES = ("Buy", "Sell")
SPLIT = "although its segment goes on: make what follows a segment of its own"


def looks_sound(segment: SegmentRow, times: IntArray, values: list[FloatArray]) -> bool:
    """Return whether nothing at all is wrong or worth a second look; `candle_problem` says what is.

    Whole columns are compared at a time: a sound file of millions of candles passes quickly.
    """
    opened, high, low, close, volume, turnover = values
    steps = np.diff(times)
    return bool(
        (not len(steps) or (steps.min() == MINUTE and steps.max() == MINUTE))
        and times[0] % MINUTE == 0
        and times[0] >= 0
        and times[-1] < MICROSECONDS
        and segment.first == times[0]
        and 0 < segment.end - times[-1] <= MINUTE
        and low.min() >= LOWEST
        and high.max() < HIGHEST
        and (np.maximum(opened, close) <= high).all()
        and (np.minimum(opened, close) >= low).all()
        and (low <= high).all()
        and volume.min() >= 0
        and volume.max() < MOST
        and turnover.min() >= 0
        and turnover.max() < MOST
        and not _rounded(close)
        and not _swapped(values)
    )


def candle_problem(
    segment: SegmentRow, times: IntArray, values: list[FloatArray]
) -> Problem | None:
    """Return the first thing that keeps the candles from being used, None when nothing does."""
    problem = (
        _wrong_unit(times, "open_time")
        or _first(_impossible(times, values), REMOVE)
        or _first(_outside(segment, times))
        or _coarse(np.diff(times))
    )
    if problem is None and _rounded(values[3]):
        return 0, (
            f"close {values[3][0]:.12g} was rounded to 32 bits and lost digits; "
            "write Float64 from the source again"
        )
    if problem is None and _swapped(values):
        volume, turnover = float(values[4].sum()), float(values[5].sum())
        return 0, (
            f"turnover {turnover:g} over volume {volume:g} is {turnover / volume:g} where close is "
            f"{values[3][0]:g}: the two columns are swapped; rename them"
        )
    return problem


def trade_problem(
    times: IntArray, price: FloatArray, quantity: FloatArray, sides: pl.Series | None
) -> Problem | None:
    """Return the first thing that keeps a segment's trades from being used; None when nothing does.

    `sides` are what the file says of the takers, None when it does not.
    """
    known = np.ones(len(times), dtype=np.bool_)
    if sides is not None:
        known = sides.is_in(SIDES).fill_null(value=False).to_numpy()
    checks = [
        (times == EMPTY, lambda _: "time is empty"),
        _unusable("price", price, LOWEST, HIGHEST),
        _unusable("quantity", quantity, LOWEST, MOST),
        (_steps(times) < 0, lambda row: f"time {times[row]} is before the row above it: {SORT}"),
        (~known, lambda row: f"side is {'' if sides is None else sides[row]!r}, not Buy or Sell"),
    ]
    return _wrong_unit(times, "time") or _first(checks, REMOVE)


Check = tuple[BoolArray, Callable[[int], str]]
"""Wrong rows, and the message for one."""


def _first(checks: Iterable[Check], remedy: str = "") -> Problem | None:
    """Return the first row that a check does not pass, and what to do; None when all do."""
    wrong = [(int(np.argmax(rows)), say) for rows, say in checks if rows.any()]
    if not wrong:
        return None
    row, say = min(wrong, key=lambda pair: pair[0])
    return row, say(row) + remedy


def _unusable(name: str, column: FloatArray, least: float, most: float) -> Check:
    return ~((column >= least) & (column < most)), lambda row: f"{name} is {column[row]}"


def _above(name: str, column: FloatArray, top_name: str, top: FloatArray) -> Check:
    return column > top, lambda row: f"{name} {column[row]} is above {top_name} {top[row]}"


def _steps(times: IntArray) -> IntArray:
    """Return the milliseconds from one row to the next, a minute for the first one."""
    return np.diff(times, prepend=times[:1] - MINUTE)


def _impossible(times: IntArray, values: list[FloatArray]) -> list[Check]:
    named = dict(zip(CANDLE_COLUMNS[2:], values, strict=True))
    high, low = named["high"], named["low"]
    steps = _steps(times)
    return [
        *(_unusable(name, named[name], LOWEST, HIGHEST) for name in PRICES),
        *(_unusable(name, named[name], 0.0, MOST) for name in ("volume", "turnover")),
        *(_above(name, named[name], "high", high) for name in ("low", "open", "close")),
        *(_above("low", low, name, named[name]) for name in ("open", "close")),
        (times == EMPTY, lambda _: "open_time is empty"),
        (times < 0, lambda row: f"open_time {times[row]} is before 1970"),
        (times % MINUTE != 0, lambda row: f"open_time {times[row]} is not on a full minute"),
        (steps == 0, lambda row: f"open_time {times[row]} is there twice in this segment"),
        (steps < 0, lambda row: f"open_time {times[row]} is before the row above it: {SORT}"),
    ]


def _wrong_unit(times: IntArray, name: str) -> Problem | None:
    """Return the first time that is not in milliseconds, with its unit and how to convert it."""
    large = times >= MICROSECONDS
    if large.any():
        row = int(np.argmax(large))
        micro = times[row] < NANOSECONDS
        unit, how = ("micro", "divide by 1,000") if micro else ("nano", "divide by 1,000,000")
    elif _in_seconds(times):
        row, unit, how = 0, "", "multiply by 1,000"
    else:
        return None
    return row, f"{name} {times[row]} is in {unit}seconds, milliseconds are needed; {how}"


def _in_seconds(times: IntArray) -> bool:
    """Return whether the times can be seconds, and are no full minutes in milliseconds."""
    steps = np.diff(times)
    return bool(
        ((SECONDS[0] <= times) & (times < SECONDS[1])).all()
        and (times % MINUTE != 0).any()
        and (not len(steps) or np.abs(steps).min() < MINUTE)
    )


def _outside(segment: SegmentRow, times: IntArray) -> list[Check]:
    """Return the checks of candles against what `segments.csv` says of their segment."""
    steps = np.diff(times, prepend=min(segment.first, int(times[0])))
    after = max(segment.end - int(times[-1]), 0)
    tail = np.arange(len(times)) == (len(times) - 1 if after > LONGEST_GAP else -1)
    return [
        (
            (times < segment.first) | (times >= segment.end),
            lambda row: (
                f"the candle is outside its segment in segments.csv, {moment(segment.start)}"
                f" to {moment(segment.end)}"
            ),
        ),
        (steps > LONGEST_GAP, lambda row: f"no candle for {steps[row] / HOUR:.0f} hours {SPLIT}"),
        (tail, lambda _: f"no candle for the {after / HOUR:.0f} hours after this row {SPLIT}"),
    ]


def _coarse(steps: IntArray) -> Problem | None:
    """Return where a long run of steps begins that all share a factor: another interval."""
    if len(steps) < FEWEST_STEPS or int(steps.max()) <= MINUTE:
        return None
    for factor in (2, 3, 5, 7):
        inside = np.diff((steps % (factor * MINUTE) == 0).astype(np.int8), prepend=0, append=0)
        begins, ends = np.flatnonzero(inside == 1), np.flatnonzero(inside == -1)
        long = np.flatnonzero(ends - begins >= min(COARSE_STEPS, len(steps)))
        if len(long):
            row, end = int(begins[long[0]]), int(ends[long[0]])
            minutes = int(np.gcd.reduce(steps[row:end])) // MINUTE
            return row, (
                f"candles of {minutes} minutes begin here; one-minute candles are needed throughout"
            )
    return None


def _rounded(prices: FloatArray) -> bool:
    """Return whether the prices were rounded to 32 bits, and so show more digits than are true."""
    some = prices[:LOOK]
    if (some.astype(np.float32) != some).any():
        return False
    scaled = some * 10.0 ** (DIGITS - 1 - np.floor(np.log10(some)))
    return bool((np.abs(scaled - np.rint(scaled)) > ODD).any())


def _swapped(values: list[FloatArray]) -> bool:
    """Return whether volume over turnover, and not turnover over volume, is a price of these."""
    volume, turnover = float(values[4].sum()), float(values[5].sum())
    if not volume or not turnover:
        return False
    low, high = float(values[2].min()) / FAR, float(values[1].max()) * FAR
    return not low <= turnover / volume <= high and low <= volume / turnover <= high
