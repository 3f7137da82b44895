"""Drop every symbol that cannot signal, from two successive readings of the whole market.

A symbol is dropped only if the rule, given all its candles, could not alarm on any candle that is
not judged yet. Two quantities decide:

* a candle's high is at most the ticker's 24-hour high;
* a candle's flow (turnover or volume) is at most the rise of the 24-hour flow between the
  readings that cover the candle, plus what left the 24-hour window in that time: at most what the
  history has in the candles that it touches.

The rule turns its memory into lower bounds of what an alarm needs (`Detector.needs`).

Assumed, stated in docs/detection.md and watched in production by `screen_missed_total`: the
exchange's 24-hour window slides at least once a candle and its ticker does not lag behind its
candles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.market.candles import BoolArray, Candles, FloatArray, IntArray
from pumpwatch.domain.moments import DAY, HOUR

from .base import Carry, Detector

OLDEST = 26 * HOUR
"""Milliseconds before the history's end from which on flows are kept: the ticker's 24 hours, and
some for a pause between two scans."""
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
    candles), is the flow of each candle (`recent_flows`) from `first_flow` on, infinite where it is
    not known.
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


def screen(detector: Detector, past: Past, looks: Sequence[Reading], now: Reading) -> Screened:
    """Return which symbols could alarm on a candle that is not judged yet.

    `looks` are earlier readings, the previous scan's last. Those at or before the start of the
    candle that was forming then bound its flow, each by itself: what has left the 24 hours between
    an older one and a newer one is known not to leave again. Symbols without history are for the
    caller to leave out.
    """
    interval = detector.interval
    forming_then = looks[-1].time // interval * interval
    newest = now.time // interval * interval
    if not detector.monotone:
        # A candle that can still undo its alarm is judged when it has ended.
        newest -= interval
    with np.errstate(invalid="ignore"):
        flow = _least_rise(
            past, [look for look in looks if look.time <= forming_then], now, interval
        )
        # A candle older than the one that was forming then has no bound.
        flow[past.unjudged < forming_then] = np.inf
        first = _could_alarm(detector, past, now, forming_then, flow)
        first.candidate[past.unjudged > min(forming_then, newest)] = False
        if newest <= forming_then:
            return first
        later = _could_alarm(detector, past, now, newest, _least_rise(past, looks, now, interval))
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


def _least_rise(past: Past, looks: Sequence[Reading], now: Reading, interval: int) -> FloatArray:
    """Return the most that can have flowed since the looks, (symbols,); infinite: not known."""
    least = np.full(len(now.flow), np.inf)
    for look in looks:
        # The window may slide by whole candles: begin one before the first that can have left.
        begin = (look.time - DAY) // interval * interval - interval
        rise = now.flow - look.flow + _flow_of(past, begin, now.time - DAY, interval)
        # More cannot have left than what was there: one of the readings is wrong.
        wrong = rise < -ROUNDING - RELATIVE * look.flow
        least = np.fmin(least, np.where(wrong, np.inf, rise))
    return least


def _flow_of(past: Past, begin: int, end: int, interval: int) -> FloatArray:
    """Return the flow of the candles that open in [begin, end), (symbols,)."""
    kept = past.flows.shape[1]
    if end - begin > kept * interval:
        return np.full(len(past.flows), np.inf)
    columns = (np.arange(begin, end, interval) - past.first_flow[:, None]) // interval
    inside = (columns >= 0) & (columns < kept)
    chosen = np.take_along_axis(past.flows, np.where(inside, columns, 0), axis=1)
    flow: FloatArray = np.where(inside, chosen, np.inf).sum(axis=1)
    return flow


def flows_kept(detector: Detector) -> int:
    """Return of how many candles the flow is kept.

    The oldest of them opened `OLDEST` before the history's end. Those that leave the ticker's 24
    hours only after the rule has bounds no more are of no use.
    """
    reach = min(detector.unseen_limit * detector.interval, DAY)
    return (OLDEST - DAY + reach) // detector.interval


def recent_flows(detector: Detector, candles: Candles, through: IntArray) -> tuple[int, FloatArray]:
    """Return (open time of the first candle, flow of each one) of the candles that are kept.

    The array is shaped (symbols, candles). A candle that is not known counts as one without
    trades, so the whole grid must have been asked for; what the grid does not cover, and what
    opened at or after `through`, shaped (symbols,), is infinite.
    """
    interval, count = detector.interval, flows_kept(detector)
    first = int(candles.open_time[-1]) + interval - OLDEST
    kept = candles.regrid(first=first, count=count)
    flows = np.nan_to_num(getattr(kept, detector.flow))
    flows[:, kept.open_time < candles.open_time[0]] = np.inf
    flows[kept.open_time >= through[:, None]] = np.inf
    return first, flows
