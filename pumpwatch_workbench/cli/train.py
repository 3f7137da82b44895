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
from pumpwatch_workbench.pages.files import check_writable, save
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.training.figures import Figure, Part, figures_of
from pumpwatch_workbench.research.training.learning import Lessons, learned_model, lessons_of

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

    Leaves out what trades in other coins around the pumps of announced.csv. Needs the package
    `lightgbm`: pip install -r requirements/research.txt

    Examples:
      pumpwatch train pumps --out model.json
      pumpwatch train pumps --out model.json --validate --repeats 3 --json
    """
    check_range("--repeats", repeats, 1, 20)
    check_writable("the model", out)
    if find_spec("lightgbm") is None:
        raise BadInput("training needs LightGBM, which is not installed: pip install lightgbm")
    console = errors()
    with busy("Reading bursts and minutes"):
        recorded = RecordedFolder(folder)
        lessons = lessons_of(recorded)
    if gaps := recorded.gaps():
        console.print(gaps)
    figures = _validate(lessons, repeats, console) if validate else []
    with busy("Training"):
        text = json.dumps(learned_model(lessons), separators=(",", ":")) + "\n"
    if len(text) > LARGEST:
        raise BadInput(f"the model has {len(text)} bytes, more than {LARGEST}: train a smaller one")
    save("the model", out, text)
    if as_json:
        validation = {figure.name: figure.to_json() for figure in figures}
        typer.echo(json.dumps({"model": str(out), "bytes": len(text), "validation": validation}))
    else:
        console.print(f"{out}: {len(text):,} bytes")


def _validate(lessons: Lessons, repeats: int, console: Console) -> list[Figure]:
    """Judge all scores in nested folds, and tell each figure as it comes."""
    figures = []
    parts: list[Part] = [*lessons.bursts, *lessons.minute_traits]
    with stepping("Divisions", len(parts) * repeats) as steps:
        for part in parts:
            for seed in range(repeats):
                for figure in figures_of(lessons, part, seed):
                    figures.append(figure)
                    console.print(figure.sentence)
                steps.advance()
    return figures
