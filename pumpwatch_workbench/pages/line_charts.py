"""Curves over time and figures by tick, as Plotly figures in plain dictionaries."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from pumpwatch_workbench.pages.chart_style import (
    LEGEND,
    Figure,
    axis_places,
    horizontal_line,
    level_label,
    step_line,
)
from pumpwatch_workbench.pages.words import money, seconds

POINTS_AT_MOST = 2_000
"""Points of a curve: more than a wide screen has pixels."""

Point = tuple[int, Decimal]


def thinned(points: Sequence[Point], most: int = POINTS_AT_MOST) -> list[Point]:
    """Return the points, evenly thinned out to a number; the first and the last one stay."""
    if len(points) <= most:
        return list(points)
    return [points[place] for place in np.linspace(0, len(points) - 1, most).astype(int)]


def equity_chart(equity: Sequence[Point], *, name: str = "start") -> Figure:
    """Return an amount of USDT over time, with its first value as a dotted line called `name`."""
    figure = curve_chart([("equity", thinned(equity))])
    if equity:
        start = float(equity[0][1])
        figure["layout"]["shapes"] = [horizontal_line(start)]
        figure["layout"]["annotations"] = [level_label(name, start)]
    return figure


def equity_words(equity: Sequence[Point], what: str, how: str) -> str:
    """Return what an equity chart shows: first, last, highest and lowest value; "" for none."""
    if not equity:
        return ""
    values = [value for _, value in equity]
    return (
        f"{what} from {money(values[0])} to {money(values[-1])} USDT, highest"
        f" {money(max(values))}, lowest {money(min(values))}; {how}. Times are UTC."
    )


def curve_chart(curves: Sequence[tuple[str, Sequence[Point]]]) -> Figure:
    """Return amounts of USDT over time, a stepped curve for each name; several have a legend."""
    data: list[Figure] = []
    spread = 0.0
    for place, (name, points) in enumerate(curves):
        values = [round(float(value), 2) for _, value in points]
        if values:
            spread = max(spread, max(values) - min(values))
        times = [time for time, _ in points]
        data.append(step_trace(name, times, values, ",.2f", " USDT", place=place))
    layout: Figure = {
        "xaxis": {"type": "date"},
        "yaxis": {"tickformat": f",.{axis_places(spread) if spread else 0}f", "nticks": 6},
    }
    if len(curves) > 1:
        layout |= LEGEND
    return {"data": data, "layout": layout}


def step_trace(
    name: str,
    times: Sequence[int],
    values: Sequence[float],
    form: str,
    unit: str,
    *,
    place: int = 0,
) -> Figure:
    """Return values that hold until the next one, at milliseconds UTC."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(times),
        "y": list(values),
        "line": step_line(place),
        "hovertemplate": f"%{{x|%Y-%m-%d %H:%M:%S}}  %{{y:{form}}}{unit}<extra></extra>",
    }


def tick_chart(tick_seconds: Sequence[float]) -> Figure:
    """Return the wall time of each detect tick in milliseconds, with its p50 and p95."""
    values = [round(value * 1000, 2) for value in tick_seconds]
    figure = _per_tick(values, "%{y:,.0f} ms")
    for name, rank in (("p50", 50), ("p95", 95)):
        level = percentile(values, rank)
        if level is not None:
            figure["layout"]["shapes"].append(horizontal_line(level))
            text = f"{name} {seconds(level / 1000)}"
            figure["layout"]["annotations"].append(level_label(text, level))
    return figure


def requests_chart(tick_requests: Sequence[int]) -> Figure:
    """Return how many Bybit requests each detect tick made."""
    return _per_tick(list(tick_requests), "%{y} requests")


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


def _per_tick(values: Sequence[float], hover: str) -> Figure:
    trace = {
        "type": "scatter",
        "mode": "markers",
        "x": list(range(1, len(values) + 1)),
        "y": list(values),
        "marker": {"color": "var(--trade)", "size": 4, "opacity": 0.75},
        "hovertemplate": f"tick %{{x}}: {hover}<extra></extra>",
    }
    layout: Figure = {
        "margin": {"b": 44},
        "xaxis": {
            "title": {"text": "tick", "standoff": 12},
            "nticks": 8,
            "range": [0, len(values) + 1],
        },
        "yaxis": {"rangemode": "tozero", "tickformat": ",~r", "nticks": 5},
        "shapes": [],
        "annotations": [],
    }
    return {"data": [trace], "layout": layout}
