"""How well rules find labelled pumps: one self-contained page and a summary on the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console

from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.chart_style import DASHES, LEGEND, MARKS, SERIES, Figure
from pumpwatch_workbench.pages.tables import Cell, Column, Table
from pumpwatch_workbench.pages.terminal import terminal_table, wide_enough
from pumpwatch_workbench.pages.words import NOTHING, number, seconds, share
from pumpwatch_workbench.research.evaluation.rules import RULES, Evaluated
from pumpwatch_workbench.research.evaluation.scores import Score

WIDE = 160
"""Columns of what goes to a file or a pipe."""
HEADINGS = (
    "detector", "events", "hits", "early", "false alarms", "symbol-days", "false a symbol-day",
    "precision", "recall", "F1", "median delay", "p90 delay",
)  # fmt: skip
SHOWN_NARROW = {"detector", "events", "hits", "false alarms", "recall", "median delay"}
WITHIN = (0, 15, 30, 60, 120, 300)
"""Seconds from the onset by which the delays' table counts."""
WIDE_ONLY = {0, 120}


def render_evaluation(results: Sequence[Evaluated], *, source: str) -> str:
    """Return the page: a table, recall against false alarms, and the delays of the hits."""
    first = results[0].score
    return render(
        __file__,
        {"recall": _recall_chart(results), "delays": _delay_chart(results)},
        title="Pumpwatch evaluation: labelled pumps",
        subtitle=f"{source} · {first.events} counted events ·"
        f" {number(round(first.clean_symbol_days))} clean symbol-days",
        table=_table(results),
        curves=_curves_table(results),
        delays=_delays_table(results),
        knobs="; ".join(f"{one.detector.name}: {RULES[one.detector.name].knob}" for one in results),
    )


def _table(results: Sequence[Evaluated]) -> Table:
    columns = tuple(
        Column(name, numeric=place > 0, wide=name not in SHOWN_NARROW)
        for place, name in enumerate(HEADINGS)
    )
    rows = tuple(tuple(Cell(text) for text in _cells(one)) for one in results)
    return Table("Scored event by event", columns, rows)


def _curves_table(results: Sequence[Evaluated]) -> Table:
    """Return the points of the chart of recall."""
    columns = (
        Column("Detector"),
        Column("Setting"),
        Column("False a symbol-day", numeric=True),
        Column("Recall", numeric=True),
        Column("F1", numeric=True, wide=True),
    )
    rows = tuple(
        (
            Cell(one.detector.name),
            Cell(f"{RULES[one.detector.name].knob} {value:g}"),
            Cell(_share(found.false_alarms_per_symbol_day, 4)),
            Cell(_share(found.recall, 3)),
            Cell(_share(found.f1, 3)),
        )
        for one in results
        for value, found in one.curve
    )
    return Table("The points of the chart.", columns, rows)


def _delays_table(results: Sequence[Evaluated]) -> Table:
    """Return the share of the events that were hit by some moments."""
    columns = (
        Column("Detector"),
        *(Column(f"{limit} s", numeric=True, wide=limit in WIDE_ONLY) for limit in WITHIN),
    )
    rows = tuple(
        (
            Cell(one.detector.name),
            *(Cell(_hit_within(one, limit)) for limit in WITHIN),
        )
        for one in results
    )
    return Table("Share of the events hit within so many seconds of the onset.", columns, rows)


def _hit_within(one: Evaluated, limit: float) -> str:
    events = one.score.events
    return share(sum(delay <= limit for delay in one.score.delays) / events if events else None)


def _cells(one: Evaluated) -> tuple[str, ...]:
    found = one.score
    return (
        one.detector.name,
        str(found.events),
        str(found.hits),
        str(found.early),
        str(found.false_alarms),
        f"{found.clean_symbol_days:,.1f}",
        _share(found.false_alarms_per_symbol_day, 4),
        _share(found.precision, 3),
        _share(found.recall, 3),
        _share(found.f1, 3),
        _seconds(found.median_delay),
        _seconds(found.delay_at(90)),
    )


def _share(value: float, places: int) -> str:
    return NOTHING if math.isnan(value) else f"{value:.{places}f}"


def _seconds(value: float) -> str:
    return NOTHING if math.isnan(value) else seconds(value)


def _recall_chart(results: Sequence[Evaluated]) -> Figure:
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


def _delay_chart(results: Sequence[Evaluated]) -> Figure:
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


def print_evaluation(results: Sequence[Evaluated], console: Console) -> None:
    """Print one line of figures for each rule."""
    table = _table(results)
    wide_enough(console, WIDE).print(terminal_table(table, table.caption))
