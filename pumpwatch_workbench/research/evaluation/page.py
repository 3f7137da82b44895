"""Report how well rules find labelled pumps: one self-contained page and a terminal summary."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console

from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.plots import Plot, Series
from pumpwatch_workbench.pages.tables import Column, PageTable, numbers, row, texts
from pumpwatch_workbench.pages.terminal import print_tables, wide_enough
from pumpwatch_workbench.pages.words import NOTHING, number, seconds, share
from pumpwatch_workbench.research.evaluation.rules import RULES, Evaluated

WIDE = 160
"""Columns of what goes to a file or a pipe."""
HEADINGS = (
    "detector", "events", "hits", "early", "false alarms",
    "false a symbol-day", "95 % interval",
    "precision", "recall", "F1", "median delay", "p90 delay",
)  # fmt: skip
SHOWN_NARROW = {"detector", "events", "hits", "false alarms", "recall", "median delay"}
WITHIN = (0, 15, 30, 60, 120, 300)
"""Seconds from the onset by which the delays' table counts."""
WIDE_ONLY = {0, 120}


def render_evaluation(results: Sequence[Evaluated], scan_interval: int) -> str:
    """Return the page: a table, recall against false alarms, and the delays of the hits.

    `scan_interval` in seconds.
    """
    last = results[-1].score
    sources = ", ".join(dict.fromkeys(rule.source for rule in results if rule.alarms))
    return render(
        __file__,
        title="Pumpwatch evaluation: recorded markets",
        subtitle=f"{sources} · {last.events} counted events ·"
        f" {number(round(last.clean_symbol_days))} clean symbol-days ·"
        f" a scan each {scan_interval} s",
        table=_table(results),
        flattered=_flattered(results),
        curves=_curves_table(results),
        delays=_delays_table(results),
        recall_plot=_recall_plot(results),
        delay_plot=_delay_plot(results),
        knobs="; ".join(
            f"{rule.detector.name}: {RULES[rule.detector.name].knob}"
            for rule in results
            if rule.curve
        ),
    )


def _flattered(results: Sequence[Evaluated]) -> str:
    """Return what the stars in the table mean; empty when there are none."""
    known = max(rule.trained_on for rule in results)
    if not known:
        return ""
    return (
        f"* flattering: the model was trained on {known} of these segments. What to expect of it"
        " elsewhere is in docs/strategy.md."
    )


def _names(results: Sequence[Evaluated]) -> list[str]:
    """Return the rules' names, with a star for what is flattering, and of several folders which."""
    several = len({rule.source for rule in results}) > 1
    return [
        f"{rule.detector.name}{' *' if rule.trained_on else ''}"
        + (f", {rule.source}" if several else "")
        for rule in results
    ]


def _table(results: Sequence[Evaluated]) -> PageTable:
    columns = tuple(
        Column(name, numeric=place > 0, wide=name not in SHOWN_NARROW)
        for place, name in enumerate(HEADINGS)
    )
    return PageTable(
        "Scored event by event",
        columns,
        tuple(
            row(*_cells(rule, name)) for rule, name in zip(results, _names(results), strict=True)
        ),
    )


def _curves_table(results: Sequence[Evaluated]) -> PageTable:
    figures = numbers("False a symbol-day", "Recall")
    columns = (*texts("Detector", "Setting"), *figures, *numbers("F1", wide=True))
    rows = tuple(
        row(
            rule.detector.name,
            f"{RULES[rule.detector.name].knob} {value:g}",
            _share(score.false_alarms_per_symbol_day, 4),
            _share(score.recall, 3),
            _share(score.f1, 3),
        )
        for rule in results
        for value, score in rule.curve
    )
    return PageTable("The points of the chart.", columns, rows)


def _delays_table(results: Sequence[Evaluated]) -> PageTable:
    """Return the share of the events that were hit by some moments."""
    limits = (Column(f"{limit} s", numeric=True, wide=limit in WIDE_ONLY) for limit in WITHIN)
    rows = tuple(
        row(rule.detector.name, *(_hit_within(rule, limit) for limit in WITHIN)) for rule in results
    )
    caption = "Share of the events hit within so many seconds of the onset."
    return PageTable(caption, (*texts("Detector"), *limits), rows)


def _hit_within(rule: Evaluated, limit: float) -> str:
    events = rule.score.events
    return share(sum(delay <= limit for delay in rule.score.delays) / events if events else None)


def _cells(rule: Evaluated, name: str) -> tuple[str, ...]:
    score, rates = rule.score, rule.score.false_alarm_interval
    labelled = [str(count) if score.events else NOTHING for count in (score.hits, score.early)]
    return (
        name,
        str(score.events) if score.events else NOTHING,
        *labelled,
        str(score.false_alarms),
        _share(score.false_alarms_per_symbol_day, 4),
        f"{rates[0]:.4f} to {rates[1]:.4f}" if rates else NOTHING,
        _share(score.precision, 3),
        _share(score.recall, 3),
        _share(score.f1, 3),
        _seconds(score.median_delay),
        _seconds(score.delay_at(90)),
    )


def _share(value: float, places: int) -> str:
    return NOTHING if math.isnan(value) else f"{value:.{places}f}"


def _seconds(value: float) -> str:
    return NOTHING if math.isnan(value) else seconds(value)


def _recall_plot(results: Sequence[Evaluated]) -> Plot:
    """Return recall against false alarms a symbol-day; the large mark is the rule as it is."""
    series = []
    for place, rule in enumerate(results):
        curve = [score for _, score in rule.curve]
        for name, scores in ((rule.detector.name, curve), ("", [rule.score])):
            points = [
                (score.false_alarms_per_symbol_day, score.recall)
                for score in scores
                if score.events and score.clean_symbol_days
            ]
            series.append(Series(name, points, place))
    return Plot(series, "false alarms a symbol-day", "recall")


def _delay_plot(results: Sequence[Evaluated]) -> Plot:
    """Return the share of all counted events hit within so many seconds of their onset."""
    series = []
    for place, rule in enumerate(results):
        delays = enumerate(sorted(rule.score.delays), start=1)
        points = [(delay, rank / rule.score.events) for rank, delay in delays]
        series.append(Series(rule.detector.name, points, place, steps=True))
    return Plot(series, "seconds from onset to alarm", "share of events")


def print_evaluation(results: Sequence[Evaluated], console: Console) -> None:
    """Print one line of figures for each rule."""
    table = _table(results)
    print_tables(wide_enough(console, WIDE), {table.caption: table})
    if flattered := _flattered(results):
        console.print(flattered)
