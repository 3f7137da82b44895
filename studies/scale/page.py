"""The study as one self-contained page."""

from __future__ import annotations

from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.chart_style import LEGEND, Figure

from .study import Study
from .tables import tables
from .terminal import error_words

COLOURS = ("var(--stop)", "var(--signal)", "var(--trade)", "var(--target)")
MARKS = ("circle", "diamond", "square", "triangle-up")


def render_study(study: Study) -> str:
    """Return the page: the tick's cost curve, the orders' delays, and the tables."""
    ticks, users, met, fanout = tables(study)
    return render(
        "scale_report.html",
        {"curve": _curve(study), "fanout": _delays(study)},
        title="Pumpwatch at scale",
        subtitle=f"Measured up to {study.checked.symbols:,} symbols · one user measured",
        errors=error_words(study),
        ticks=ticks,
        users=users,
        met=met,
        fanout=fanout,
    )


def _curve(study: Study) -> Figure:
    rows = [row for row in study.tick_rows if not row.movers]
    data: list[Figure] = []
    for measured, name, mark, colour in (
        (True, "measured", "circle", "var(--trade)"),
        (False, "on the line", "circle-open", "var(--signal)"),
    ):
        chosen = [row for row in rows if row.measured is measured]
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": [row.symbols for row in chosen],
                "y": [round(row.cpu_seconds * 1000, 2) for row in chosen],
                "marker": {"symbol": mark, "size": 9, "color": colour},
                "hovertemplate": "%{x:,} symbols: %{y:.0f} ms<extra></extra>",
            }
        )
    layout = _layout("symbols", "CPU of a tick, ms")
    return {"data": data, "layout": layout}


def _delays(study: Study) -> Figure:
    data: list[Figure] = []
    for place, way in enumerate(dict.fromkeys(row.way for row in study.fanout)):
        rows = [row for row in study.fanout if row.way == way]
        colour = COLOURS[place % len(COLOURS)]
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": way,
                "x": [row.users for row in rows],
                "y": [round(row.p99, 2) for row in rows],
                "marker": {"symbol": MARKS[place % len(MARKS)], "size": 8, "color": colour},
                "line": {"color": colour, "width": 1.5},
                "hovertemplate": "%{x:,} users: %{y:,.1f} s<extra></extra>",
            }
        )
    layout = _layout("users", "seconds until 99 % have ordered")
    layout["xaxis"] |= {"type": "log", "dtick": 1}
    layout["yaxis"] |= {"type": "log", "dtick": 1}
    return {"data": data, "layout": layout}


def _layout(across: str, up: str) -> Figure:
    return LEGEND | {
        "margin": {"b": 44},
        "xaxis": {"title": {"text": across}},
        "yaxis": {"title": {"text": up}, "rangemode": "tozero"},
    }
