"""`pumpwatch train`: train the learned detector on labelled pumps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, LabelledFolder

if TYPE_CHECKING:
    from rich.console import Console

    from pumpwatch_workbench.research.evaluation.scores import Score
    from pumpwatch_workbench.research.training.validation import Judge

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
    """Train the rule `boosted` on labelled pumps; the same folder gives the same file.

    Needs the extra `train` (LightGBM): pip install -r requirements/train.txt
    """
    from pumpwatch_workbench.cli.progress import busy, errors  # noqa: PLC0415 - slow imports

    _check(out, repeats)
    try:
        from pumpwatch_workbench.research.training.learning import learned_scores  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadInput(
            f"training needs {error.name}: pip install -r requirements/train.txt"
        ) from None
    from pumpwatch_workbench.pages.files import save  # noqa: PLC0415
    from pumpwatch_workbench.recordings import RecordedFolder  # noqa: PLC0415
    from pumpwatch_workbench.research.training.learning import judge_of  # noqa: PLC0415

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


def _check(out: Path, repeats: int) -> None:
    """Raise `BadInput` for what need not wait until everything is loaded."""
    from pumpwatch_workbench.pages.files import check_target  # noqa: PLC0415 - slow imports

    if not 1 <= repeats <= 20:  # noqa: PLR2004
        raise BadInput(f"--repeats is {repeats}: give a number from 1 to 20")
    try:
        check_target(out)
    except OSError:
        raise BadInput(f"--out {out}: name a file in a folder that exists") from None


def _validate(judge: Judge, repeats: int, console: Console) -> dict[str, object]:
    """Judge every choice of inputs, tell each score as it comes, and return them by name."""
    from pumpwatch_workbench.cli.progress import stepping  # noqa: PLC0415
    from pumpwatch_workbench.research.training.learning import nested_alarms, variants  # noqa: PLC0415
    from pumpwatch_workbench.research.training.validation import interval, later  # noqa: PLC0415

    found: dict[str, object] = {}
    inputs = variants(judge.table)
    with stepping("Divisions", len(inputs) * (repeats + 1)) as steps:
        for name, traits in inputs.items():
            for seed in range(repeats):
                alarm = nested_alarms(judge, name, seed=seed)
                title = f"{name}, folds {seed}"
                found[title] = _told(title, judge.score(alarm), console)
                if seed == 0:
                    low, high = interval(judge, alarm)
                    console.print(f"  95 % interval of F1 over symbols: {low:.3f} to {high:.3f}")
                steps.advance()
            title = f"{name}, later events"
            found[title] = _told(title, later(judge, traits), console)
            steps.advance()
    return found


def _told(name: str, found: Score, console: Console) -> object:
    console.print(
        f"{name}: F1 {found.f1:.3f}, precision {found.precision:.3f}, recall {found.recall:.3f}"
        f" ({found.hits} of {found.events}), {found.false_alarms} false,"
        f" {found.false_alarms_per_symbol_day:.4f} a symbol-day, median {found.median_delay:.0f} s"
    )
    return found.to_json()
