"""`pumpwatch train`: train the learned detector on labelled pumps."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, LabelledFolder, check_range
from pumpwatch_workbench.cli.progress import busy, errors, stepping
from pumpwatch_workbench.pages.files import check_target, save
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.evaluation.scores import Score
from pumpwatch_workbench.research.training.learning import (
    judge_of,
    learned_scores,
    nested_alarms,
    variants,
)
from pumpwatch_workbench.research.training.validation import Judge, interval, later

LARGEST = 200_000
"""Bytes that a model may have."""


def train(
    folder: LabelledFolder,
    *,
    out: Annotated[Path, typer.Option(help="Where the model goes, a JSON file.")],
    validate: Annotated[
        bool, typer.Option(help="Also judge it in nested folds by symbol; takes some minutes.")
    ] = False,
    repeats: Annotated[int, typer.Option(help="Divisions into folds to validate with.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Train the rule `boosted`; the same folder gives the same file.

    Needs the package `lightgbm`: pip install -r requirements/research.txt

    Examples:
      pumpwatch train pumps --out model.json
      pumpwatch train pumps --out model.json --validate --repeats 3 --json
    """
    check_range("--repeats", repeats, 1, 20)
    try:
        check_target(out)
    except OSError:
        raise BadInput(f"--out {out}: name a file in a folder that exists") from None
    if find_spec("lightgbm") is None:
        raise BadInput("training needs LightGBM, which is not installed: pip install lightgbm")
    console = errors()
    with busy("Reading the candidates"):
        recorded = RecordedFolder(folder)
        judge = judge_of(recorded)
    if gaps := recorded.gaps():
        console.print(gaps)
    scores = _validate(judge, repeats, console) if validate else {}
    with busy("Training"):
        text = json.dumps(learned_scores(judge), separators=(",", ":")) + "\n"
    if len(text) > LARGEST:
        raise BadInput(f"the model has {len(text)} bytes, more than {LARGEST}: train a smaller one")
    save("the model", out, text)
    if as_json:
        typer.echo(json.dumps({"model": str(out), "bytes": len(text), "validation": scores}))
    else:
        console.print(f"{out}: {len(text):,} bytes")


def _validate(judge: Judge, repeats: int, console: Console) -> dict[str, object]:
    """Judge every choice of inputs, tell each score as it comes, and return them by name."""
    scores: dict[str, object] = {}
    inputs = variants(judge.table)
    with stepping("Divisions", len(inputs) * (repeats + 1)) as steps:
        for name, traits in inputs.items():
            for seed in range(repeats):
                alarm = nested_alarms(judge, name, seed=seed)
                title = f"{name}, folds {seed}"
                scores[title] = _told(title, judge.score(alarm), console)
                if seed == 0:
                    low, high = interval(judge, alarm)
                    console.print(f"  95 % interval of F1 over symbols: {low:.3f} to {high:.3f}")
                steps.advance()
            title = f"{name}, later events"
            scores[title] = _told(title, later(judge, traits), console)
            steps.advance()
    return scores


def _told(name: str, score: Score, console: Console) -> object:
    console.print(
        f"{name}: F1 {score.f1:.3f}, precision {score.precision:.3f}, recall {score.recall:.3f}"
        f" ({score.hits} of {score.events}), {score.false_alarms} false,"
        f" {score.false_alarms_per_symbol_day:.4f} a symbol-day, median {score.median_delay:.0f} s"
    )
    return score.to_json()
