"""`pumpwatch evaluate`: how well the rules find labelled pumps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, Detector, LabelledFolder

if TYPE_CHECKING:
    from pumpwatch_workbench.research.evaluation.rules import Evaluated

EVERY = "all"


def evaluate(
    folder: LabelledFolder,
    *,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            help="The rule, or all; may be given repeatedly. Without it the product's default.",
            autocompletion=lambda: [*Detector, EVERY],
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Change a setting of the rule; may be repeated."
        ),
    ] = None,
    alarms: Annotated[
        Path | None, typer.Option(help="Write every emitted alarm to this CSV file.")
    ] = None,
    report: Annotated[Path, typer.Option(help="Where the report page goes.")] = Path(
        "build/evaluation-report.html"
    ),
    as_json: AsJson = False,
) -> None:
    """Score rules event by event on labelled pumps: hits, false alarms, delays.

    A setting is named as in the rule (turnover_z=40) or as in production (ewma_turnover_z=40).
    """
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed

    from pumpwatch.domain.market.candles import MINUTE  # noqa: PLC0415
    from pumpwatch_workbench.cli.progress import track  # noqa: PLC0415
    from pumpwatch_workbench.pages.files import (  # noqa: PLC0415
        check_report_path,
        check_writable,
        write_page,
    )
    from pumpwatch_workbench.recordings import RecordedFolder  # noqa: PLC0415
    from pumpwatch_workbench.research.evaluation.alarm_files import write_alarms  # noqa: PLC0415
    from pumpwatch_workbench.research.evaluation.labelled import load_segments  # noqa: PLC0415
    from pumpwatch_workbench.research.evaluation.page import (  # noqa: PLC0415
        print_evaluation,
        render_evaluation,
    )
    from pumpwatch_workbench.research.evaluation.rules import (  # noqa: PLC0415
        DEFAULT_RULE,
        RULES,
        evaluate_rule,
        pairs_from,
        rule_named,
    )
    from pumpwatch_workbench.research.evaluation.scores import WARM_UP  # noqa: PLC0415

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
    if gaps := recorded.gaps():
        console.print(gaps, highlight=False)
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)


def _json(results: list[Evaluated], pairs: dict[str, str]) -> dict[str, object]:
    """Return the first rule's figures, and those of every rule by its name."""
    by_rule = {one.detector.name: one.score.to_json() for one in results}
    first = results[0].detector.name
    return {"detector": first, "settings": pairs, **by_rule[first], "detectors": by_rule}
