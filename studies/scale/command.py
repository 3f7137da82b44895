"""`pumpwatch scale`: what a tick costs as the market grows."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson
from pumpwatch_workbench.cli.progress import stepping
from pumpwatch_workbench.pages.terminal import terminal_table, wide_enough
from studies.scale.study import error_words, make_study, ticks_table

MOST_SYMBOLS = 2_000
"""The synthetic market has no more."""


def scale(
    *,
    symbols: Annotated[
        str, typer.Option(help="Sizes of the market to measure and draw a line through.")
    ] = "200,600,1200",
    check: Annotated[
        int, typer.Option(help="A larger size that is measured and compared with the line.")
    ] = 2_000,
    as_json: AsJson = False,
) -> None:
    """Measure detect's tick over markets of several sizes: CPU, requests, memory.

    The real use case over simulated markets behind HTTP; a line is drawn through the smaller ones
    and compared with a larger one. Takes four minutes; run nothing else beside it.

    Examples:
      pumpwatch scale
      pumpwatch scale --symbols 200,600 --check 1200 --json
    """
    sizes = _sizes(symbols)
    if len(sizes) <= 1:
        raise BadInput("--symbols needs at least two different sizes, for example 200,600")
    if not sizes[-1] < check <= MOST_SYMBOLS:
        raise BadInput(f"--check is {check}: give a size above {sizes[-1]}, up to {MOST_SYMBOLS}")
    with stepping("Measured", len(sizes) + 1) as steps:
        study = make_study(sizes, check, lambda text: steps.advance(f"now {text}"))
    if as_json:
        typer.echo(json.dumps(study.document()))
    else:
        table, console = ticks_table(study), wide_enough(Console())
        console.print(terminal_table(table, table.caption, console.width))
        console.print(f"{error_words(study)}.", highlight=False)


def _sizes(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_SYMBOLS for part in parts):
        raise BadInput(
            f"--symbols is {text!r}: give numbers from 1 to {MOST_SYMBOLS}, such as 200,600"
        )
    return sorted({int(part) for part in parts})
