"""`pumpwatch evaluate`: how well the rules find labelled pumps."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from pumpwatch.domain.moments import MINUTE, SECOND
from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, ReportPage, Setting, check_range
from pumpwatch_workbench.cli.printing import print_end
from pumpwatch_workbench.cli.progress import track
from pumpwatch_workbench.pages.files import check_report_path, check_writable, save, write_page
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, Segment, load_segments
from pumpwatch_workbench.research.evaluation.looks import Scans
from pumpwatch_workbench.research.evaluation.page import print_evaluation, render_evaluation
from pumpwatch_workbench.research.evaluation.rules import (
    DEFAULT_RULE,
    RULES,
    Evaluated,
    clock_of,
    evaluate_rule,
    rule_named,
    settings_from,
    together,
)
from pumpwatch_workbench.research.evaluation.scores import emitted
from pumpwatch_workbench.research.sample import trained_on

EVERY = "all"


def evaluate(
    folders: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR...", help="Folders of recorded markets, see docs/data-format.md."
        ),
    ],
    *,
    detector: Annotated[
        list[str] | None,
        typer.Option(
            *("--rule", "--detector"),
            metavar="NAME",
            help="A rule, also module:Class of your own, or all; repeatable; else the default.",
            autocompletion=lambda: [*RULES, EVERY],
        ),
    ] = None,
    set_: Setting = None,
    scan_interval: Annotated[
        int, typer.Option(help="Seconds between two scans, for `boosted`.")
    ] = Scans().interval // SECOND,
    alarms: Annotated[
        Path | None, typer.Option(help="Write every emitted alarm to this CSV file.")
    ] = None,
    report: ReportPage = Path("build/evaluation-report.html"),
    as_json: AsJson = False,
) -> None:
    """Score rules event by event on recorded markets.

    Counts hits and false alarms and measures delays; where nothing is labelled, false alarms alone.
    A setting is named as in the rule (turnover_z=40) or as in production (ewma_turnover_z=40);
    detector_clock=off lets `boosted` not read the clock.

    Examples:
      pumpwatch evaluate pumps
      pumpwatch evaluate pumps --scan-interval 15
      pumpwatch evaluate pumps --rule ewma --set turnover_z=40 --alarms alarms.csv
    """
    names = list(dict.fromkeys(detector or [DEFAULT_RULE]))
    names = list(RULES) if EVERY in names else names
    pairs = settings_from(set_ or ())
    check_range("--scan-interval", scan_interval, 1, 60)
    scans = Scans(scan_interval * SECOND, reads_clock=clock_of(names, pairs))
    if pairs and len(names) > 1:
        raise BadInput("--set changes the settings of one rule: name one with --rule")
    rules = [rule_named(name, pairs) for name in names]
    if alarms is not None:
        if len(rules) > 1 or len(folders) > 1:
            raise BadInput(
                "--alarms writes the alarms of one rule in one folder: name one with --rule,"
                " and one folder"
            )
        check_writable("the alarms", alarms)
    check_report_path(report)
    results: list[Evaluated] = []
    recordings = [RecordedFolder(folder) for folder in folders]
    for recorded in recordings:
        segments = load_segments(recorded)
        recorded.check_length(WARM_UP // MINUTE)
        for rule in track(rules, "Rules", len(rules)):
            result = evaluate_rule(rule, segments, recorded.labels or [], scans)
            known = trained_on(rule.name, recorded.fingerprints)
            source = recorded.folder.resolve().name
            results.append(replace(result, source=source, trained_on=known))
        if alarms is not None:
            _write_alarms(alarms, segments, results[0].alarms)
    if len(recordings) > 1:
        results += [together(results[place :: len(rules)]) for place in range(len(rules))]
    page = write_page(render_evaluation(results, scan_interval), report)
    console = Console(stderr=as_json)
    if as_json:
        minutes = [recorded.minutes for recorded in recordings]
        typer.echo(json.dumps({**_json(results, pairs, scan_interval), "minutes": minutes[0]}))
    else:
        print_evaluation(results, console)
    print_end(console, " ".join(filter(None, (r.gaps() for r in recordings))), report=page)


def _json(results: list[Evaluated], pairs: dict[str, str], scan_interval: int) -> dict[str, object]:
    """Return the figures of all folders together by rule, and of each folder."""
    folders: dict[str, dict[str, object]] = {}
    for result in results:
        folders.setdefault(result.source, {})[result.detector.name] = result.to_json()
    *_, overall = folders.values()
    first = results[0].detector.name
    known = {"detector": first, "settings": pairs, "scan_interval_seconds": scan_interval}
    figures = results[len(results) - len(overall)].to_json()
    return {**known, **figures, "detectors": overall, "folders": folders}


def _write_alarms(
    path: Path, segments: Sequence[Segment], alarms: Mapping[int, Sequence[int]]
) -> None:
    """Write every alarm that was sent out; warm-up and silence leave some of them out."""
    lines = ["segment,symbol,time"]
    for segment in segments:
        sent = emitted(alarms.get(segment.number, ()), from_time=segment.start + WARM_UP)
        times = np.datetime_as_string(np.array(sent, "datetime64[ms]"), timezone="UTC")
        lines += [f"{segment.number},{segment.symbol},{time}" for time in times]
    save("the alarms", path, "\n".join(lines) + "\n")
