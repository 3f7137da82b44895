"""Amounts over time, as the plain data that `charts.js` draws."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from pumpwatch_workbench.pages.candle_charts import Chart
from pumpwatch_workbench.pages.words import money

POINTS_AT_MOST = 2_000
"""Points of a curve: more than a wide screen has pixels."""

Point = tuple[int, Decimal]


def thinned(points: Sequence[Point], most: int = POINTS_AT_MOST) -> list[Point]:
    """Return the points, evenly thinned out to a number; the first and the last one stay."""
    if len(points) <= most:
        return list(points)
    return [points[place] for place in np.linspace(0, len(points) - 1, most).astype(int)]


def equity_chart(equity: Sequence[Point], *, name: str = "start") -> Chart:
    """Return an amount of USDT over time, with its first value as a level called `name`."""
    chart = curve_chart([("equity", equity)])
    if equity:
        time, value = equity[0]
        level = {"price": float(value), "name": name, "colour": "muted", "from": time}
        chart["levels"] = [level | {"until": None}]
    return chart


def equity_words(equity: Sequence[Point], what: str, how: str) -> str:
    """Return what an equity chart shows: first, last, highest and lowest value; "" for none."""
    if not equity:
        return ""
    values = [value for _, value in equity]
    return (
        f"{what} from {money(values[0])} to {money(values[-1])} USDT, highest"
        f" {money(max(values))}, lowest {money(min(values))}; {how}. Times are UTC."
    )


def curve_chart(curves: Sequence[tuple[str, Sequence[Point]]], *, decimals: int = 2) -> Chart:
    """Return values that hold until the next one, a stepped line for each name."""
    lines = [
        {
            "name": name,
            "points": [[time, round(float(value), decimals)] for time, value in thinned(points)],
            "style": place,
            "steps": True,
        }
        for place, (name, points) in enumerate(curves)
    ]
    times = [points[place][0] for _, points in curves if points for place in (0, -1)]
    return {
        "kind": "lines",
        "candles": [],
        "lines": lines,
        "marks": [],
        "levels": [],
        "window": [min(times, default=0), max(times, default=0)],
        "whole": None,
        "decimals": decimals,
    }


def tick_words(values: Sequence[float], what: str, unit: str, places: int = 0) -> str:
    """Return what a chart by tick shows, in words."""
    middle, high = percentile(values, 50) or 0.0, percentile(values, 95) or 0.0
    return (
        f"{what} of {len(values):,} ticks: median {middle:,.{places}f} {unit},"
        f" 95 % within {high:,.{places}f} {unit}, most {max(values, default=0):,.{places}f} {unit}"
    )


def percentile(values: Sequence[float], rank: float) -> float | None:
    """Return the percentile of the values by linear interpolation; None without values."""
    return float(np.percentile(np.asarray(values, dtype=np.float64), rank)) if values else None
