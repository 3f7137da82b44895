"""The three rules again, slow and obvious: one symbol, one candle at a time, plain Python.

Tests hold the fast versions to these. Each function takes the candles of one symbol as lists of
rows (open, high, low, close, volume, turnover), None for a candle that is not known, and returns a
list of (alarm, strength, jump), None where the candle is not known or nothing is defined yet.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pumpwatch.domain.detection.ewma import Ewma
from pumpwatch.domain.detection.kamps_kleinberg import KampsKleinberg
from pumpwatch.domain.detection.karbalaii import Karbalaii
from pumpwatch.domain.market.candles import Candles

Row = tuple[float, float, float, float, float, float]
OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER = range(6)
Found = tuple[bool, float, float]


def rows_of(candles: Candles, symbol: int) -> list[Row | None]:
    """Return one symbol's candles as rows."""
    columns = (
        candles.open,
        candles.high,
        candles.low,
        candles.close,
        candles.volume,
        candles.turnover,
    )
    rows: list[Row | None] = []
    for index in range(candles.shape[1]):
        one = [float(column[symbol, index]) for column in columns]
        rows.append(
            None if math.isnan(one[CLOSE]) else (one[0], one[1], one[2], one[3], one[4], one[5])
        )
    return rows


def ewma(rows: Sequence[Row | None], rule: Ewma) -> list[Found | None]:
    """Apply the `ewma` rule to one symbol."""
    found: list[Found | None] = []
    weight = 2 / (rule.span + 1)
    mean = variance = last_close = math.nan
    known = 0
    for row in rows:
        if row is None:
            found.append(None)
            continue
        if known == 0:
            mean, variance = row[TURNOVER], 0.0
            found.append((False, 0.0, math.nan))
        else:
            distance = row[TURNOVER] - mean
            strength = distance / math.sqrt(variance + rule.epsilon**2)
            jump = row[HIGH] / last_close - 1
            alarm = known >= rule.minimum and strength > rule.turnover_z and jump > rule.jump
            found.append((alarm, strength, jump))
            mean = mean + weight * distance
            variance = weight * distance**2 + (1 - weight) * variance
        last_close = row[CLOSE]
        known += 1
    return found


def karbalaii(rows: Sequence[Row | None], rule: Karbalaii) -> list[Found | None]:
    """Apply the `karbalaii` rule to one symbol."""
    found: list[Found | None] = []
    past: list[Row] = []
    weight = 2 / (rule.ewma_hours + 1)
    average = math.nan
    for row in rows:
        if row is None:
            found.append(None)
            continue
        volume = row[VOLUME]
        if not past:
            found.append((False, math.nan, math.nan))
            average = volume
        else:
            volumes = [one[VOLUME] for one in past]
            jump = row[HIGH] / _mean([one[OPEN] for one in past[-rule.price_hours :]]) - 1
            limits = (
                (1 + rule.volume_rise) * _mean(volumes[-rule.price_hours :]),
                rule.ewma_share * average + rule.sigmas * _deviation(volumes[-rule.sigma_hours :]),
                rule.maximum_share * max(volumes[-rule.maximum_hours :]),
            )
            alarm = all(volume > limit for limit in limits) and jump > rule.price_rise
            strength = _ratio(volume, max(limits))
            found.append((alarm and len(past) >= rule.minimum, strength, jump))
            average = average + weight * (volume - average)
        past.append(row)
    return found


def kamps_kleinberg(rows: Sequence[Row | None], rule: KampsKleinberg) -> list[Found | None]:
    """Apply the `kamps-kleinberg` rule to one symbol."""
    found: list[Found | None] = []
    past: list[Row] = []
    for row in rows:
        if row is None:
            found.append(None)
            continue
        past.append(row)
        window = past[-rule.hours :]
        factor = row[HIGH] / _mean([one[CLOSE] for one in window])
        strength = _ratio(row[VOLUME], _mean([one[VOLUME] for one in window]))
        alarm = factor > rule.price_factor and strength > rule.volume_factor
        found.append((alarm and len(past) - 1 >= rule.minimum, strength, factor - 1))
    return found


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    middle = _mean(values)
    return math.sqrt(_mean([(value - middle) ** 2 for value in values]))


def _ratio(value: float, limit: float) -> float:
    if limit > 0:
        return value / limit
    return math.inf if value > 0 else math.nan
