"""The rule `boosted` again, slow and obvious: one symbol, one candle at a time, plain Python.

Tests hold the fast version to it. See `reference` for rows and results.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.learned import LearnedScore

from .rules import (
    CLOSE,
    HIGH,
    TURNOVER,
    VOLUME,
    Result,
    Row,
    deviation_of,
    judged,
    mean_of,
)

DAY = 1440


def boosted(rows: Sequence[Row | None], rule: Boosted) -> list[Result | None]:
    """Apply the rule to one symbol whose trades are not known."""
    return judged(rows, lambda past, row: _judge(past, row, rule))


def _judge(past: Sequence[Row], row: Row, rule: Boosted) -> Result:
    if not past:
        return False, math.nan, math.nan
    day = past[-DAY:]
    mean = math.fsum(candle[TURNOVER] for candle in day) / DAY
    strength = row[TURNOVER] / mean if mean > 0 else (math.inf if row[TURNOVER] > 0 else math.nan)
    jump = row[HIGH] / past[-1][CLOSE] - 1
    lowest = min(candle[CLOSE] for candle in past[-rule.reach :])
    burst = row[TURNOVER] > rule.burst * mean > 0 and row[HIGH] > (1 + rule.rise) * lowest
    if len(past) < DAY or not burst:
        return False, strength, jump
    traits = traits_of(day, row)
    if traits[2] <= math.log(rule.burst_z):
        return False, strength, jump
    model = rule.scores.candles
    return score_of(model, traits) - model.threshold > rule.margin, strength, jump


def traits_of(day: Sequence[Row], row: Row) -> list[float]:
    """Return the traits of a candle after 1,440 others."""
    flow = [candle[TURNOVER] for candle in day]
    close = [candle[CLOSE] for candle in day]
    now, last, top = row[TURNOVER], close[-1], row[HIGH]
    mean = mean_of(flow)
    jumps = [after[HIGH] / before[CLOSE] - 1 for before, after in pairwise(day)]
    returns = [math.log(b / a) for a, b in pairwise(close)]
    volatility = deviation_of(returns)
    jump = top / last - 1
    paid = now / row[VOLUME] if row[VOLUME] > 0 else last
    least = mean * 1e-3
    return [
        log_of(now / mean),
        jump,
        log_of((now - mean) / max(deviation_of(flow), least)),
        top / min(close[-5:]) - 1,
        top / middle_of(close[-60:]) - 1,
        max([*jumps[-4:], jump]),
        log_of((now + flow[-1] + flow[-2]) / mean),
        log_of(now / max(mean_of(flow[-65:-5]), least)),
        log_of(now / max(*flow[:-10], least)),
        *(log_of(flow[-back] / mean, 0.1) for back in (1, 2, 3, 4)),
        sum(value > 0 for value in flow) / len(flow),
        sum(value > 30 * mean for value in flow[:-10]),
        max(jumps[:-10]),
        volatility,
        math.log1p(jump) / max(volatility, 1e-5),
        log_of(mean_of(flow[-65:-5]) / mean, 0.05),
        (row[CLOSE] - last) / (top - last) if top > last else 0.0,
        (paid - last) / (top - last) if top > last else 0.0,
        log_of(mean_of(flow[-60:]) / mean, 0.05),
    ]


def score_of(model: LearnedScore, traits: Sequence[float]) -> float:
    """Return the log-odds of some traits: a linear part and one leaf of every tree, halved."""
    known = [
        float(middle) if math.isnan(value) else value
        for value, middle in zip(traits, model.middle, strict=True)
    ]
    total = model.intercept
    for value, low, high, weight in zip(known, model.low, model.high, model.weight, strict=True):
        total += min(max(value, float(low)), float(high)) * float(weight)
    trees = model.trees
    for root in trees.root:
        node = int(root)
        while trees.feature[node] >= 0:
            small = known[trees.feature[node]] <= trees.number[node]
            node = node + 1 if small else int(trees.right[node])
        total += float(trees.number[node])
    return total / 2


def middle_of(values: Sequence[float]) -> float:
    """Return the median."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def log_of(value: float, least: float = 1e-3) -> float:
    """Return the logarithm of a value, or of `least` where that is more."""
    return math.log(max(value, least))
