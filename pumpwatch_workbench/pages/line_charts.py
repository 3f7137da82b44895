"""Amounts over time, as the plain data that `charts.js` draws."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.pages.candle_charts import Chart
from pumpwatch_workbench.pages.words import money

POINTS_AT_MOST = 2_000
"""Points of a curve, evenly thinned out: more than a wide screen has pixels."""

Point = tuple[int, Decimal]


def realised_profit(trades: Sequence[Trade]) -> list[Point]:
    """Return the profit so far at each time when trades closed, from 0 when the first was made."""
    closed = [trade for trade in trades if trade.exit_time is not None]
    points = {min(trade.created for trade in closed): Decimal(0)} if closed else {}
    total = Decimal(0)
    for trade in sorted(closed, key=lambda trade: trade.exit_time or 0):
        total += trade.realised_pnl
        points[trade.exit_time or 0] = total
    return list(points.items())


def equity_chart(equity: Sequence[Point], *, name: str = "start") -> Chart:
    """Return an amount of USDT over time, with its first value as a level called `name`."""
    chart = curve_chart([("equity", equity)])
    if equity:
        level = {"name": name, "colour": "muted", "from": equity[0][0], "until": None}
        chart["levels"] = [level | {"price": float(equity[0][1])}]
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
            "points": [
                [time, round(float(value), decimals) + 0.0]
                for time, value in (*points[: -1 : len(points) // POINTS_AT_MOST + 1], *points[-1:])
            ],
            "style": place,
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


def percentile(values: Sequence[float], rank: float) -> float | None:
    """Return the percentile of the values by linear interpolation; None without values."""
    return float(np.percentile(np.asarray(values, dtype=np.float64), rank)) if values else None
