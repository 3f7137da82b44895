"""What a search for settings found as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from rich.console import Console
from rich.text import Text

from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.chart_style import DASHES, LEGEND, SERIES, Figure
from pumpwatch_workbench.pages.tables import Cell, Column, Table
from pumpwatch_workbench.pages.terminal import terminal_table, wide_enough
from pumpwatch_workbench.pages.words import number, ratio
from pumpwatch_workbench.research.tune.page_tables import settings_table, tune_tiles, walk_table
from pumpwatch_workbench.research.tune.walk_forward import Step, Tuned

OBJECTIVE_WORDS = {"t": "shrunk t of a trade's return", "profit": "profit, USDT"}
QUARTERS = 4


@dataclass(frozen=True, slots=True)
class TuneReport:
    """A search, and what it was about."""

    tuned: Tuned
    source: str
    """Where the candles are from, as the reader knows it."""
    doubts: Sequence[str]


def render_tuned(report: TuneReport) -> str:
    """Return the whole page."""
    tuned = report.tuned
    objective = OBJECTIVE_WORDS[tuned.objective]
    return render(
        __file__,
        {"trials": _trials_chart(tuned.steps, objective)},
        title=f"Pumpwatch search: {tuned.space.strategy} on {report.source}",
        subtitle=f"detector {tuned.space.detector} · {tuned.trials} settings tried in"
        f" {len(tuned.steps)} searches · hold-out {tuned.final.fold.test} UTC",
        doubts=report.doubts,
        tiles=tune_tiles(tuned),
        walk=walk_table(tuned),
        settings=settings_table(tuned),
        options=[f"--set {name}={value}" for name, value in sorted(tuned.settings.items())],
        objective=objective,
        trials=_trials_table(tuned.steps),
    )


def _trials_chart(steps: Sequence[Step], objective: str) -> Figure:
    """Return the score of every setting of the last search, and the best so far of each search."""
    data: list[Figure] = [_points(steps[-1])]
    for place, step in enumerate(steps):
        scores = step.found.scores
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "name": f"{step.fold.name}, best so far",
                "x": list(range(1, len(scores) + 1)),
                "y": [round(one, 4) for one in accumulate(scores, max)],
                "line": {
                    "color": SERIES[place % len(SERIES)],
                    "dash": DASHES[place % len(DASHES)],
                    "width": 1.75,
                    "shape": "hv",
                },
                "hovertemplate": "trial %{x}: best %{y:.2f}<extra></extra>",
            }
        )
    layout: Figure = LEGEND | {
        "margin": {"b": 44},
        "xaxis": {"title": {"text": "trial"}, "nticks": 8},
        "yaxis": {"title": {"text": objective}, "nticks": 6},
    }
    return {"data": data, "layout": layout}


def _points(step: Step) -> Figure:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": f"{step.fold.name}, each trial",
        "x": list(range(1, len(step.found.scores) + 1)),
        "y": [round(one, 4) for one in step.found.scores],
        "marker": {"color": "var(--candle)", "size": 5, "opacity": 0.6},
        "hovertemplate": "trial %{x}: %{y:.2f}<extra></extra>",
    }


def _trials_table(steps: Sequence[Step]) -> Table:
    """Return what the chart shows: the best score after each quarter of the trials."""
    columns = (
        Column("Search"),
        Column("Trials", numeric=True),
        *(Column(f"after {quarter} of {QUARTERS}", numeric=True) for quarter in range(1, 5)),
    )
    rows = []
    for step in steps:
        scores = step.found.scores
        parts = (scores[: -(-len(scores) * quarter // QUARTERS)] for quarter in range(1, 5))
        best = (Cell(ratio(max(part)) if part else "no data") for part in parts)
        rows.append((Cell(step.fold.name), Cell(number(len(scores))), *best))
    return Table("The best score so far.", columns, tuple(rows))


def print_tuned(tuned: Tuned, doubts: Sequence[str], console: Console) -> None:
    """Print every step, the settings in the end, and what speaks against them.

    The last column is what the default settings made, USDT. A pipe gets the full width.
    """
    console = wide_enough(console)
    console.print(terminal_table(walk_table(tuned), "Walk forward"))
    console.print()
    for name, value in sorted(tuned.settings.items()):
        console.print(Text(f"  --set {name}={value}"))
    console.print()
    console.print(Text(f"{tuned.trials} settings were tried on {tuned.alarms} alarms."))
    for doubt in doubts:
        console.print(Text(f"Doubtful: {doubt}", style="yellow"))
