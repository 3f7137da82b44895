"""The common style of all the report's charts, as a Plotly template.

Colours are written as CSS custom properties, `var(--name)`; the page's script replaces them by
their values when it draws, so that one figure serves the light and the dark scheme.
"""

from __future__ import annotations

import math
from typing import Any

Figure = dict[str, Any]

SERIES = ("var(--trade)", "var(--signal)", "var(--onset)", "var(--target)", "var(--stop)")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
MARKS = ("circle", "diamond", "square", "triangle-up", "cross")
"""Series differ in colour and in dash or mark: never in colour alone."""

LEGEND: Figure = {
    "showlegend": True,
    "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.02},
}
"""Part of a layout: names above the plot, which makes room for as many lines as they take."""

_TRANSPARENT = "rgba(0,0,0,0)"
_AXIS = {
    "gridcolor": "var(--line)",
    "linecolor": "var(--line)",
    "zeroline": False,
    "ticklabelstandoff": 4,
}


def _candle(fill: str) -> Figure:
    return {"line": {"color": "var(--candle)", "width": 1}, "fillcolor": fill}


TEMPLATE: Figure = {
    "layout": {
        "autosize": True,
        "margin": {"l": 10, "r": 12, "t": 10, "b": 28},
        "paper_bgcolor": _TRANSPARENT,
        "plot_bgcolor": _TRANSPARENT,
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "var(--muted)"},
        "hoverlabel": {
            "bgcolor": "var(--surface)",
            "bordercolor": "var(--line)",
            "font": {"color": "var(--ink)", "size": 12},
        },
        "hovermode": "closest",
        "showlegend": False,
        "bargap": 0.25,
        "xaxis": _AXIS | {"showgrid": False, "automargin": True, "rangeslider": {"visible": False}},
        "yaxis": _AXIS | {"side": "right", "automargin": True},
        "annotationdefaults": {"showarrow": False, "font": {"size": 12, "color": "var(--ink)"}},
    },
    "data": {
        "candlestick": [
            {
                "increasing": _candle("var(--surface)"),
                "decreasing": _candle("var(--candle)"),
                "whiskerwidth": 0,
            }
        ],
        "bar": [{"marker": {"color": "var(--bar)", "line": {"width": 0}}}],
    },
}
"""Goes to `layout.template` of every figure; kept apart so that the page holds it once."""


def step_line(place: int) -> Figure:
    """Return how the n-th series is drawn whose values hold until the next."""
    colour, dash = SERIES[place % len(SERIES)], DASHES[place % len(DASHES)]
    return {"color": colour, "dash": dash, "width": 1.75, "shape": "hv"}


def vertical_line(time: int, colour: str) -> Figure:
    """Return a dotted line over the chart's whole height at a time in milliseconds UTC."""
    line = {"color": colour, "width": 1.5, "dash": "dot"}
    return {"type": "line", "x0": time, "x1": time, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def horizontal_line(level: float) -> Figure:
    """Return a dotted line over the chart's whole width."""
    line = {"color": "var(--muted)", "width": 1, "dash": "dot"}
    place = {"xref": "paper", "x0": 0, "x1": 1, "y0": level, "y1": level}
    return {"type": "line"} | place | {"line": line}


def time_label(text: str, time: int, colour: str) -> Figure:
    """Return a label at the chart's top, left of a time in milliseconds UTC."""
    place = {"x": time, "xanchor": "right", "xshift": -8, "yref": "paper", "y": 1, "yanchor": "top"}
    return place | {"text": text, "font": {"color": colour, "size": 12}}


def level_label(text: str, level: float) -> Figure:
    """Return a label at the chart's left edge, just above a level."""
    place = {"xref": "paper", "x": 0, "xanchor": "left", "y": level, "yanchor": "bottom"}
    return place | {"text": text, "bgcolor": "var(--surface)", "borderpad": 1, "yshift": 2}


def axis_places(spread: float) -> int:
    """Return the decimals that tell apart the tick labels of an axis with this spread."""
    return max(0, 1 - math.floor(math.log10(spread))) if spread > 0 else 2
