"""The evaluation's charts: recall against false alarms, and how late the hits were."""

from __future__ import annotations

from collections.abc import Sequence

from pumpwatch_workbench.pages.chart_style import DASHES, LEGEND, MARKS, SERIES, Figure
from pumpwatch_workbench.research.evaluation.evaluated import Evaluated
from pumpwatch_workbench.research.evaluation.rules import RULES
from pumpwatch_workbench.research.evaluation.scores import Score


def recall_chart(results: Sequence[Evaluated]) -> Figure:
    """Return recall against false alarms a symbol-day; the large mark is the rule as it is."""
    data: list[Figure] = []
    for place, one in enumerate(results):
        colour = SERIES[place % len(SERIES)]
        mark = MARKS[place % len(MARKS)]
        knob = RULES[one.detector.name].knob
        points = [(value, found) for value, found in one.curve if _is_drawn(found)]
        data.append(_points(one.detector.name, points, knob, colour, mark))
        if _is_drawn(one.score):
            now = [(float(getattr(one.detector, knob)), one.score)]
            data.append(_points(f"{one.detector.name}, as set", now, knob, colour, mark, size=13))
    layout: Figure = LEGEND | {
        "margin": {"b": 44},
        "xaxis": {"title": {"text": "false alarms a symbol-day"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "recall"}, "range": [0, 1], "tickformat": ".1f"},
    }
    return {"data": data, "layout": layout}


def _is_drawn(found: Score) -> bool:
    return bool(found.events and found.clean_symbol_days)


def _points(
    name: str,
    points: Sequence[tuple[float, Score]],
    knob: str,
    colour: str,
    mark: str,
    *,
    size: int = 6,
) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(points) > 1 else "markers",
        "name": name,
        "showlegend": len(points) > 1,
        "x": [round(found.false_alarms_per_symbol_day, 5) for _, found in points],
        "y": [round(found.recall, 4) for _, found in points],
        "marker": {"symbol": mark, "size": size, "color": colour},
        "line": {"color": colour, "width": 1.5},
        "hovertext": [f"{knob} {value:g}, F1 {found.f1:.2f}" for value, found in points],
        "hovertemplate": "%{hovertext}<br>%{x:.4f} false a symbol-day, recall %{y:.2f}"
        "<extra></extra>",
    }


def delay_chart(results: Sequence[Evaluated]) -> Figure:
    """Return the share of all counted events hit within so many seconds of their onset."""
    data = [
        {
            "type": "scatter",
            "mode": "lines",
            "name": one.detector.name,
            "x": sorted(one.score.delays),
            "y": [
                round(rank / one.score.events, 4) for rank in range(1, len(one.score.delays) + 1)
            ],
            "line": {
                "color": SERIES[place % len(SERIES)],
                "dash": DASHES[place % len(DASHES)],
                "width": 1.75,
                "shape": "hv",
            },
            "hovertemplate": "within %{x:.0f} s: %{y:.0%}<extra></extra>",
        }
        for place, one in enumerate(results)
    ]
    latest = max((delay for one in results for delay in one.score.delays), default=60.0)
    layout: Figure = LEGEND | {
        "margin": {"b": 44},
        "xaxis": {"title": {"text": "seconds from onset to alarm"}, "range": [-60, latest + 10]},
        "yaxis": {"title": {"text": "share of events"}, "range": [0, 1], "tickformat": ".0%"},
    }
    return {"data": data, "layout": layout}
