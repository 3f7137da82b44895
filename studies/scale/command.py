"""`pumpwatch scale`: what a larger market and many users cost, and which limit they meet first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, ReportPage
from pumpwatch_workbench.cli.printing import print_end
from pumpwatch_workbench.cli.progress import stepping
from pumpwatch_workbench.pages.files import check_report_path, write_page
from studies.scale.limits import limits_with
from studies.scale.page import render_study
from studies.scale.study import make_study
from studies.scale.terminal import print_study

MOST_SYMBOLS = 20_000
MOST_USERS = 100_000


def scale(
    *,
    symbols: Annotated[
        str, typer.Option(help="Sizes of the market to measure and draw a line through.")
    ] = "200,600,2000",
    check: Annotated[
        int, typer.Option(help="A larger size that is measured and compared with the line.")
    ] = 5_000,
    users: Annotated[
        str, typer.Option(help="Numbers of users a signal is sent to, simulated.")
    ] = "10,100,1000,10000",
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Change a limit, as `--json` names it; may be repeated."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulation.")] = 1,
    report: ReportPage = Path("build/scale-report.html"),
    as_json: AsJson = False,
) -> None:
    """Measure a tick and a user's runs, and find the first limit of many.

    A tick of detect is measured with the real use case over simulated markets of several sizes;
    from the lines through them follow larger ones. Takes three minutes of CPU; run nothing else
    beside it.

    Examples:
      pumpwatch scale
      pumpwatch scale --limit address_requests=60 --users 10,1000 --json
    """
    sizes = _numbers("--symbols", symbols, MOST_SYMBOLS)
    many = _numbers("--users", users, MOST_USERS)
    if not sizes[1:]:
        raise BadInput("--symbols needs at least two different sizes, for example 200,600")
    if not sizes[-1] < check <= MOST_SYMBOLS:
        raise BadInput(f"--check is {check}: give a size above {sizes[-1]}, up to {MOST_SYMBOLS}")
    limits = limits_with(dict(_changed(text) for text in limit or ()))
    check_report_path(report)
    console = Console(stderr=as_json)
    with stepping("Measured") as steps:
        study = make_study(
            symbols=sizes,
            check=check,
            users=many,
            limits=limits,
            seed=seed,
            progress=lambda text: steps.advance(f"now {text}"),
        )
    page = write_page(render_study(study), report)
    if as_json:
        typer.echo(json.dumps(study.document()))
    else:
        print_study(study, console)
    print_end(console, "", report=page)


def _numbers(name: str, text: str, most: int) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= most for part in parts):
        raise BadInput(f"{name} is {text!r}: give numbers from 1 to {most}, such as 200,600")
    return sorted({int(part) for part in parts})


def _changed(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise BadInput(f"--limit is {text!r}: give NAME=VALUE, such as candidates=120") from None
