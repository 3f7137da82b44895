"""`pumpwatch evaluate`: how well the rules find labelled pumps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, LabelledFolder, ReportPage
from pumpwatch_workbench.cli.printing import print_end
from pumpwatch_workbench.cli.progress import track
from pumpwatch_workbench.pages.files import check_report_path, check_writable, write_page
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.evaluation.alarm_files import write_alarms
from pumpwatch_workbench.research.evaluation.labelled import load_segments
from pumpwatch_workbench.research.evaluation.page import print_evaluation, render_evaluation
from pumpwatch_workbench.research.evaluation.rules import (
    DEFAULT_RULE,
    RULES,
    Evaluated,
    evaluate_rule,
    pairs_from,
    rule_named,
)
from pumpwatch_workbench.research.evaluation.scores import WARM_UP

EVERY = "all"


def evaluate(
    folder: LabelledFolder,
    *,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="The rule, or all; repeatable. Without it the product's default.",
            autocompletion=lambda: [*RULES, EVERY],
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a rule's setting; repeatable."),
    ] = None,
    alarms: Annotated[
        Path | None, typer.Option(help="Write every emitted alarm to this CSV file.")
    ] = None,
    report: ReportPage = Path("build/evaluation-report.html"),
    as_json: AsJson = False,
) -> None:
    """Score rules event by event on labelled pumps.

    Counts hits and false alarms and measures delays. A setting is named as in the rule
    (turnover_z=40) or as in production (ewma_turnover_z=40).

    Examples:
      pumpwatch evaluate pumps
      pumpwatch evaluate pumps --detector ewma --set turnover_z=40 --alarms alarms.csv
    """
    names = list(dict.fromkeys(detector or [DEFAULT_RULE]))
    names = list(RULES) if EVERY in names else names
    pairs = pairs_from(set_ or ())
    if pairs and len(names) > 1:
        raise BadInput("--set changes the settings of one rule: name one with --detector")
    rules = [rule_named(name, pairs) for name in names]
    if alarms is not None:
        if len(rules) > 1:
            raise BadInput("--alarms writes the alarms of one rule: name one with --detector")
        check_writable("the alarms", alarms)
    check_report_path(report)
    recorded = RecordedFolder(folder)
    events = recorded.pumps()
    segments = load_segments(recorded)
    recorded.check_length(WARM_UP // MINUTE)
    results = [evaluate_rule(rule, segments, events) for rule in track(rules, "Rules", len(rules))]
    page = write_page(render_evaluation(results, source=folder.resolve().name), report)
    if alarms is not None:
        write_alarms(alarms, segments, results[0].alarms)
    console = Console(stderr=as_json)
    if as_json:
        typer.echo(json.dumps({**_json(results, pairs), "minutes": recorded.minutes}))
    else:
        print_evaluation(results, console)
    print_end(console, recorded.gaps(), report=page)


def _json(results: list[Evaluated], pairs: dict[str, str]) -> dict[str, object]:
    by_rule = {result.detector.name: result.score.to_json() for result in results}
    first = results[0].detector.name
    return {"detector": first, "settings": pairs, **by_rule[first], "detectors": by_rule}
