"""The study as one self-contained page."""

from __future__ import annotations

from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.chart_style import LEGEND, Figure

from .study import Study, error_words, ticks_table


def render_study(study: Study) -> str:
    """Return the page: the tick's cost curve and the table behind it."""
    return render(
        __file__,
        {"curve": _curve(study)},
        title="Pumpwatch at scale",
        subtitle=f"Measured up to {study.checked.symbols:,} symbols",
        errors=error_words(study),
        ticks=ticks_table(study),
    )


def _curve(study: Study) -> Figure:
    sizes = [tick.symbols for tick in (*study.ticks, study.checked)]
    measured = [tick.cpu_seconds for tick in (*study.ticks, study.checked)]
    line = [study.line("cpu_seconds", size) for size in sizes]
    data = [
        {
            "type": "scatter",
            "mode": mode,
            "name": name,
            "x": sizes,
            "y": [round(value * 1000, 2) for value in values],
            "marker": {"size": 9, "color": "var(--trade)"},
            "line": {"color": "var(--signal)", "width": 1.5, "dash": "dash"},
            "hovertemplate": "%{x:,} symbols: %{y:.0f} ms<extra></extra>",
        }
        for name, mode, values in (("measured", "markers", measured), ("line", "lines", line))
    ]
    layout = LEGEND | {
        "margin": {"b": 44},
        "xaxis": {"title": {"text": "symbols"}},
        "yaxis": {"title": {"text": "CPU of a tick, ms"}, "rangemode": "tozero"},
    }
    return {"data": data, "layout": layout}
