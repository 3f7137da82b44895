"""`pumpwatch train`: train the learned detector on labelled pumps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pumpwatch.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from workbench.training.validation import Judge

__all__ = ["train"]

LARGEST = 200_000
"""Bytes that a model may have."""


def train(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of labelled pumps, docs/data-format.md.")
    ],
    *,
    out: Annotated[Path, typer.Option(help="Where the model goes, a JSON file.")],
    validate: Annotated[
        bool, typer.Option(help="Also judge it in nested folds by symbol; takes some minutes.")
    ] = False,
    repeats: Annotated[int, typer.Option(help="Divisions into folds to validate with.")] = 3,
) -> None:
    """Train the rule `boosted` on labelled pumps; the same folder gives the same file.

    Needs the extra `train` (LightGBM): pip install -r requirements/train.txt
    """
    from rich.console import Console  # noqa: PLC0415 - slow imports, only where needed

    try:
        from workbench.training.learning import learned_scores  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise BadInput(
            f"training needs {error.name}: pip install -r requirements/train.txt"
        ) from None
    from workbench.training.learning import judge_of, write_model  # noqa: PLC0415

    if not 1 <= repeats <= 20:  # noqa: PLR2004
        raise BadInput(f"--repeats is {repeats}: give a number from 1 to 20")
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise BadInput(f"--out {out}: name a file in a folder that exists")
    console = Console(stderr=True)
    judge = judge_of(folder)
    if validate:
        _validate(judge, repeats, console)
    text = json.dumps(learned_scores(judge), separators=(",", ":")) + "\n"
    if len(text) > LARGEST:
        raise BadInput(f"the model has {len(text)} bytes, more than {LARGEST}: train a smaller one")
    write_model(out, text)
    console.print(f"{out}: {len(text):,} bytes", highlight=False)


def _validate(judge: Judge, repeats: int, console: Console) -> None:
    from workbench.training.learning import nested_alarms, variants  # noqa: PLC0415
    from workbench.training.validation import interval, later  # noqa: PLC0415

    for name, traits in variants(judge.table).items():
        for seed in range(repeats):
            alarm = nested_alarms(judge, name, seed=seed)
            _show(f"{name}, folds {seed}", judge.score(alarm), console)
            if seed == 0:
                low, high = interval(judge, alarm)
                console.print(f"  95 % interval of F1 over symbols: {low:.3f} to {high:.3f}")
        _show(f"{name}, later events", later(judge, traits), console)


def _show(name: str, found: object, console: Console) -> None:
    from workbench.evaluation.scores import Score  # noqa: PLC0415

    assert isinstance(found, Score)  # noqa: S101 - for the type checker
    console.print(
        f"{name}: F1 {found.f1:.3f}, precision {found.precision:.3f}, recall {found.recall:.3f}"
        f" ({found.hits} of {found.events}), {found.false_alarms} false,"
        f" {found.false_alarms_per_symbol_day:.4f} a symbol-day, median {found.median_delay:.0f} s",
        highlight=False,
    )
