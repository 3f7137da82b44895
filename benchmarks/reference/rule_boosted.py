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
    burst = row[TURNOVER] > rule.burst * mean and row[HIGH] > (1 + rule.rise) * lowest
    if len(past) < DAY or not burst:
        return False, strength, jump
    traits = traits_of(day, row)
    if traits[2] <= math.log(rule.burst_z):
        return False, strength, jump
    sure = traits[2] > math.log(rule.sure_z) and jump > rule.sure_jump
    model = rule.scores.candles
    return sure or score_of(model, traits) - model.threshold > rule.margin, strength, jump


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
        _log(now / mean),
        jump,
        _log((now - mean) / max(deviation_of(flow), least)),
        top / min(close[-5:]) - 1,
        top / _middle(close[-60:]) - 1,
        max([*jumps[-4:], jump]),
        _log((now + flow[-1] + flow[-2]) / mean),
        _log(now / max(mean_of(flow[-65:-5]), least)),
        _log(now / max(*flow[:-10], least)),
        *(_log(flow[-back] / mean, 0.1) for back in (1, 2, 3, 4)),
        sum(value > 0 for value in flow) / len(flow),
        sum(value > 30 * mean for value in flow[:-10]),
        max(jumps[:-10]),
        volatility,
        math.log1p(jump) / max(volatility, 1e-5),
        _log(mean_of(flow[-65:-5]) / mean, 0.05),
        (row[CLOSE] - last) / (top - last) if top > last else 0.0,
        (paid - last) / (top - last) if top > last else 0.0,
        _log(mean_of(flow[-60:]) / mean, 0.05),
    ]


def score_of(model: LearnedScore, traits: Sequence[float]) -> float:
    """Return the log-odds of one candle: a linear part and one leaf of every tree, halved."""
    total = model.intercept + model.base
    for value, mean, scale, weight in zip(
        traits, model.mean, model.scale, model.weight, strict=True
    ):
        total += (value - float(mean)) / float(scale) * float(weight)
    trees = model.trees
    for root in trees.root:
        node = int(root)
        while trees.feature[node] >= 0:
            small = traits[trees.feature[node]] <= trees.threshold[node]
            node = int(trees.left[node] if small else trees.right[node])
        total += float(trees.value[node])
    return total / 2


def _middle(values: Sequence[float]) -> float:
    """Return the median of an even number of values."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return (ordered[half - 1] + ordered[half]) / 2


def _log(value: float, least: float = 1e-3) -> float:
    return math.log(max(value, least))
