"""Drop every symbol that cannot signal, from two successive readings of the whole market.

A symbol is dropped only if the rule, given all its candles, could not alarm on any candle that is
not judged yet. Two quantities decide:

* a candle's high is at most the ticker's 24-hour high;
* a candle's flow (turnover or volume) is at most the rise of the 24-hour flow between the
  readings that cover the candle, plus what left the 24-hour window in that time: at most what the
  history has in the ten-minute stretches (for hourly rules: hours) that it touches.

The rule turns its memory into lower bounds of what an alarm needs (`Detector.needs`).

Assumed, stated in docs/detection.md and watched in production by `screen_missed_total`: the
exchange's 24-hour window slides at least once a candle and its ticker does not lag behind its
candles.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.market.candles import BoolArray, Candles, FloatArray, IntArray
from pumpwatch.domain.moments import DAY, HOUR, MINUTE

from .base import Carry, Detector

KEPT = 26 * HOUR
ROUNDING = 1e-3
"""Absolute allowance for flows: the exchange rounds them to four decimals."""
RELATIVE = 1e-9
"""Relative allowance for the order in which floating-point numbers were added."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One reading of the whole market; arrays are shaped (symbols,), NaN where a symbol is missing.

    `time` in milliseconds UTC, `low` and `high` of 24 hours, `flow` of 24 hours.
    """

    time: int
    low: FloatArray
    high: FloatArray
    flow: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """The history of each symbol; arrays are shaped (symbols, ...), times are milliseconds UTC.

    `carry` is the rule's memory of every candle that starts before `through`; `unjudged` is the
    start of the first candle whose final form was not judged yet; `flows`, shaped (symbols,
    stretches), is the flow of each stretch (`recent_flows`) from `first_flow` on, infinite where it
    is not known.
    """

    carry: Carry
    through: IntArray
    unjudged: IntArray
    first_flow: IntArray
    flows: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Screened:
    """`candidate`, and `pressure`: the most that can have flowed over what an alarm needs."""

    candidate: BoolArray
    pressure: FloatArray


def screen(
    detector: Detector, past: Past, anchor: Reading, last: Reading, now: Reading
) -> Screened:
    """Return which symbols could alarm on a candle that is not judged yet.

    `last` is the reading of the previous scan; `anchor` the latest one at or before the start of
    the candle that was forming then. Symbols without history are for the caller to leave out.
    """
    interval = detector.interval
    forming_then = last.time // interval * interval
    forming_now = now.time // interval * interval
    with np.errstate(invalid="ignore"):
        flow = _rise(past, anchor, now, interval)
        # A candle older than what the anchor covers has no bound.
        flow[(past.unjudged < forming_then) | (anchor.time > forming_then)] = np.inf
        first = _could_alarm(detector, past, now, forming_then, flow)
        first.candidate[past.unjudged > forming_then] = False
        if forming_now == forming_then:
            return first
        later_flow = _rise(past, last, now, interval)
        later = _could_alarm(detector, past, now, forming_now, later_flow)
    return Screened(first.candidate | later.candidate, np.fmax(first.pressure, later.pressure))


def _could_alarm(
    detector: Detector, past: Past, now: Reading, candle: int, flow: FloatArray
) -> Screened:
    unseen = np.maximum(0, (candle - past.through) // detector.interval)
    needed_flow, needed_high = detector.needs(past.carry, unseen, now.low)
    enough_flow = flow * (1 + RELATIVE) + ROUNDING > needed_flow * (1 - RELATIVE)
    high_enough = now.high * (1 + RELATIVE) > needed_high
    # Comparisons with NaN are false, so what is not known must be asked for by name.
    unknown = np.isnan(flow) | np.isnan(needed_flow) | np.isnan(needed_high) | np.isnan(now.high)
    # A last close older than the ticker's 24 hours is not bounded by its low.
    unknown |= past.through < now.time - DAY
    candidate = unknown | (enough_flow & high_enough)
    with np.errstate(divide="ignore"):
        pressure = np.where(unknown, np.inf, flow / needed_flow)
    return Screened(candidate, pressure)


def _rise(past: Past, before: Reading, now: Reading, interval: int) -> FloatArray:
    """Return the largest possible flow between two readings, (symbols,); infinite: not known."""
    stretch = stretch_of(interval)
    left = np.zeros(len(now.flow))
    # The window may slide by whole candles: begin one candle before the first that can have left.
    begin = (before.time - DAY) // interval * interval - interval
    for time in range(begin // stretch * stretch, now.time - DAY + 1, stretch):
        left += _flow_at(past, time, stretch)
    rise = now.flow - before.flow + left
    # More cannot have left than what was there: one of the readings is wrong.
    wrong = rise < -ROUNDING - RELATIVE * before.flow
    return np.where(np.isnan(rise) | wrong, np.inf, rise)


def _flow_at(past: Past, time: int, stretch: int) -> FloatArray:
    column = (time - past.first_flow) // stretch
    inside = (column >= 0) & (column < past.flows.shape[1])
    chosen = np.take_along_axis(past.flows, np.where(inside, column, 0)[:, None], axis=1)[:, 0]
    return np.where(inside, chosen, np.inf)


def stretch_of(interval: int) -> int:
    """Return the length of the stretches whose flow is kept, milliseconds."""
    return max(10 * MINUTE, interval)


def stretches(interval: int) -> int:
    """Return how many stretches are kept: the ticker's 24 hours, and some at both ends."""
    return KEPT // stretch_of(interval)


def recent_flows(detector: Detector, candles: Candles) -> tuple[int, FloatArray]:
    """Return (start of the first stretch, flow of each stretch) of the last whole stretches.

    The array is shaped (symbols, stretches); a candle that is not known counts as one without
    trades, so the whole grid must have been asked for. Stretches that the grid does not cover are
    infinite.
    """
    stretch, count = stretch_of(detector.interval), stretches(detector.interval)
    opened = int(candles.open_time[0])
    end = (int(candles.open_time[-1]) + candles.interval) // stretch * stretch
    first = end - count * stretch
    begin = max(first, -(-opened // stretch) * stretch)
    flows = np.full((len(candles.symbols), count), np.inf)
    if begin < end:
        flow = np.nan_to_num(getattr(candles, detector.flow))
        part = flow[:, (begin - opened) // candles.interval : (end - opened) // candles.interval]
        cut = part.reshape(len(flow), (end - begin) // stretch, stretch // candles.interval)
        flows[:, (begin - first) // stretch :] = cut.sum(axis=2)
    return first, flows
