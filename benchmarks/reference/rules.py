"""Two rules again, slow and obvious: one symbol, one candle at a time, plain Python.

Tests hold the fast versions to these. Each function takes the candles of one symbol as lists of
rows (open, high, low, close, volume, turnover), None for a candle that is not known, and returns a
list of (alarm, strength, jump), None where the candle is not known or nothing is defined yet.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.market.candles import COLUMNS, Candles

Row = tuple[float, float, float, float, float, float]
OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER = range(6)
Result = tuple[bool, float, float]


def rows_of(candles: Candles, symbol: int) -> list[Row | None]:
    """Return one symbol's candles as rows."""
    columns = [getattr(candles, name)[symbol].tolist() for name in COLUMNS]
    return [None if math.isnan(row[CLOSE]) else row for row in zip(*columns, strict=True)]


def judged(
    rows: Sequence[Row | None], judge: Callable[[Sequence[Row], Row], Result]
) -> list[Result | None]:
    """Apply `judge(past, row)` to each known candle in turn; `past` holds those before it."""
    results: list[Result | None] = []
    past: list[Row] = []
    for row in rows:
        results.append(None if row is None else judge(past, row))
        if row is not None:
            past.append(row)
    return results


def ewma(rows: Sequence[Row | None], rule: Ewma) -> list[Result | None]:
    """Apply the `ewma` rule to one symbol."""
    weight = 2 / (rule.span + 1)
    mean = variance = math.nan

    def judge(past: Sequence[Row], row: Row) -> Result:
        nonlocal mean, variance
        if not past:
            mean, variance = row[TURNOVER], 0.0
            return False, 0.0, math.nan
        distance = row[TURNOVER] - mean
        strength = distance / math.sqrt(variance + rule.epsilon**2)
        jump = row[HIGH] / past[-1][CLOSE] - 1
        alarm = len(past) >= rule.minimum and strength > rule.turnover_z and jump > rule.jump
        mean = mean + weight * distance
        variance = weight * distance**2 + (1 - weight) * variance
        return alarm, strength, jump

    return judged(rows, judge)


def karbalaii(rows: Sequence[Row | None], rule: Karbalaii) -> list[Result | None]:
    """Apply the `karbalaii` rule to one symbol."""
    weight = 2 / (rule.ewma_hours + 1)
    average = math.nan

    def judge(past: Sequence[Row], row: Row) -> Result:
        nonlocal average
        volume = row[VOLUME]
        if not past:
            average = volume
            return False, math.nan, math.nan
        volumes = [earlier[VOLUME] for earlier in past]
        jump = row[HIGH] / mean_of([earlier[OPEN] for earlier in past[-rule.price_hours :]]) - 1
        usual = rule.ewma_share * average
        limits = (
            (1 + rule.volume_rise) * mean_of(volumes[-rule.price_hours :]),
            usual + rule.sigmas * deviation_of(volumes[-rule.sigma_hours :]),
            rule.maximum_share * max(volumes[-rule.maximum_hours :]),
        )
        alarm = all(volume > limit for limit in limits) and jump > rule.price_rise
        average = average + weight * (volume - average)
        return alarm and len(past) >= rule.minimum, ratio(volume, max(limits)), jump

    return judged(rows, judge)


def mean_of(values: Sequence[float]) -> float:
    """Return the mean."""
    return math.fsum(values) / len(values)


def deviation_of(values: Sequence[float]) -> float:
    """Return the population standard deviation."""
    middle = mean_of(values)
    return math.sqrt(mean_of([(value - middle) ** 2 for value in values]))


def ratio(value: float, limit: float) -> float:
    """Return a value over a limit, infinity over none."""
    if limit > 0:
        return value / limit
    return math.inf if value > 0 else math.nan
