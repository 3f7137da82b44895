"""How well rules find labelled pumps: figures, a page and a summary on the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as TerminalTable
from rich.text import Text

from pumpwatch.domain.detection import Detector
from workbench.evaluation.labelled import LabelledPump, Segment
from workbench.evaluation.rules import RULES, varied
from workbench.evaluation.scores import Score, hit_after, raise_alarms, score
from workbench.reports.assembly import render
from workbench.reports.chart_style import Figure
from workbench.reports.formats import NOTHING, number, seconds
from workbench.reports.tables import Cell, Column, Table

__all__ = ["Evaluated", "evaluate_rule", "print_evaluation", "render_evaluation"]

COLOURS = ("var(--trade)", "var(--signal)", "var(--onset)", "var(--target)", "var(--stop)")
MARKS = ("circle", "diamond", "square", "triangle-up", "cross")
WIDE = 160
"""Columns of what goes to a file or a pipe."""
HEADINGS = (
    "detector", "events", "hits", "early", "false alarms", "symbol-days", "false a symbol-day",
    "precision", "recall", "F1", "median delay", "p90 delay",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Evaluated:
    """A rule, every alarm it raised by segment number, what they are worth, and its curve.

    `curve` holds the value of the rule's knob and the score with it.
    """

    detector: Detector
    alarms: Mapping[int, Sequence[int]]
    score: Score
    curve: tuple[tuple[float, Score], ...]


def evaluate_rule(
    detector: Detector, segments: Sequence[Segment], events: Sequence[LabelledPump]
) -> Evaluated:
    """Score the rule as it is, and with other values of the setting that makes it stricter."""
    alarms = raise_alarms(detector, segments)
    allowed = hit_after(detector)
    curve = tuple(
        (value, score(segments, events, others, hit_after=allowed))
        for value, others in varied(detector, segments)
    )
    return Evaluated(detector, alarms, score(segments, events, alarms, hit_after=allowed), curve)


def render_evaluation(results: Sequence[Evaluated], *, source: str) -> str:
    """Return the page: a table, recall against false alarms, and the delays of the hits."""
    first = results[0].score
    return render(
        "evaluation_report.html",
        {"recall": _recall_chart(results), "delays": _delay_chart(results)},
        title="Pumpwatch evaluation: labelled pumps",
        subtitle=f"{source} · {first.events} counted events ·"
        f" {number(round(first.clean_symbol_days))} clean symbol-days",
        table=_table(results),
        knobs="; ".join(f"{one.detector.name}: {RULES[one.detector.name].knob}" for one in results),
    )


def print_evaluation(results: Sequence[Evaluated], console: Console) -> None:
    """Print one line of figures for each rule."""
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    cells = _table(results)
    table = TerminalTable(title=cells.caption, title_justify="left", title_style="bold", box=None)
    for column in cells.columns:
        table.add_column(
            column.heading, header_style="dim", justify="right" if column.numeric else "left"
        )
    for row in cells.rows:
        table.add_row(*(Text(cell.text) for cell in row))
    console.print(table)


def _table(results: Sequence[Evaluated]) -> Table:
    columns = tuple(Column(name, numeric=place > 0) for place, name in enumerate(HEADINGS))
    rows = tuple(tuple(Cell(text) for text in _cells(one)) for one in results)
    return Table("Scored event by event", columns, rows)


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
        colour = COLOURS[place % len(COLOURS)]
        mark = MARKS[place % len(MARKS)]
        knob = RULES[one.detector.name].knob
        points = [(value, found) for value, found in one.curve if found.clean_symbol_days]
        data.append(_points(one.detector.name, points, knob, colour, mark))
        if one.score.clean_symbol_days:
            now = [(float(getattr(one.detector, knob)), one.score)]
            data.append(_points(f"{one.detector.name}, as set", now, knob, colour, mark, size=13))
    layout: Figure = {
        "margin": {"b": 44},
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.15},
        "xaxis": {"title": {"text": "false alarms a symbol-day"}, "rangemode": "tozero"},
        "yaxis": {"title": {"text": "recall"}, "range": [0, 1], "tickformat": ".1f"},
    }
    return {"data": data, "layout": layout}


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
            "line": {"color": COLOURS[place % len(COLOURS)], "width": 1.75, "shape": "hv"},
            "hovertemplate": "within %{x:.0f} s: %{y:.0%}<extra></extra>",
        }
        for place, one in enumerate(results)
    ]
    latest = max((delay for one in results for delay in one.score.delays), default=60.0)
    layout: Figure = {
        "margin": {"b": 44},
        "showlegend": True,
        "legend": {"orientation": "h", "y": 1.15},
        "xaxis": {"title": {"text": "seconds from onset to alarm"}, "range": [-60, latest + 10]},
        "yaxis": {"title": {"text": "share of events"}, "range": [0, 1], "tickformat": ".0%"},
    }
    return {"data": data, "layout": layout}
