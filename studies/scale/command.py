"""`pumpwatch scale`: what a tick costs as the market grows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson
from pumpwatch_workbench.cli.progress import stepping
from pumpwatch_workbench.pages.files import check_report_path, write_page
from pumpwatch_workbench.pages.terminal import terminal_table, wide_enough
from studies.scale.page import render_study
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
    report: Annotated[Path, typer.Option(help="Where the report page goes.")] = Path(
        "build/scale-report.html"
    ),
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
    check_report_path(report)
    console = Console(stderr=as_json)
    with stepping("Measured", len(sizes) + 1) as steps:
        study = make_study(sizes, check, lambda text: steps.advance(f"now {text}"))
    page = write_page(render_study(study), report)
    if as_json:
        typer.echo(json.dumps(study.document()))
    else:
        table = ticks_table(study)
        paper = wide_enough(console)
        paper.print(terminal_table(table, table.caption, paper.width))
        console.print(f"{error_words(study)}.", highlight=False)
    console.print(f"Report: {page}", soft_wrap=True, highlight=False)


def _sizes(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_SYMBOLS for part in parts):
        raise BadInput(
            f"--symbols is {text!r}: give numbers from 1 to {MOST_SYMBOLS}, such as 200,600"
        )
    return sorted({int(part) for part in parts})
