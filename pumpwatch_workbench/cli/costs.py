"""`pumpwatch costs`: what a deployed stack costs a month, from measurements and list prices."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson


def costs(
    *,
    symbols: Annotated[int, typer.Option(help="200, 600 or 1000: what was measured.")] = 1_000,
    scan_seconds: Annotated[int, typer.Option(help="ScanIntervalSeconds, 5 to 60.")] = 60,
    write: Annotated[bool, typer.Option("--write", help="Renew docs/costs.md.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute dollars a month at list prices, without a free tier, service by service."""
    from pumpwatch_workbench.operations.costs.page import PAGE, costs_page  # noqa: PLC0415 - slow import
    from pumpwatch_workbench.operations.costs.page import costs as compute  # noqa: PLC0415
    from pumpwatch_workbench.operations.costs.usage import MEASURED_SYMBOLS  # noqa: PLC0415
    from pumpwatch_workbench.pages.files import write_whole  # noqa: PLC0415

    if not 5 <= scan_seconds <= 60:  # noqa: PLR2004 - the template's bounds
        raise BadInput(f"--scan-seconds is {scan_seconds}: give a number from 5 to 60")
    if symbols not in MEASURED_SYMBOLS:
        measured = ", ".join(map(str, MEASURED_SYMBOLS))
        raise BadInput(f"--symbols is {symbols}: give one that was measured, {measured}")
    cost = compute(symbols, scan_seconds)
    if write:
        write_whole(PAGE, costs_page())
    if as_json:
        lines = {line.service: round(line.dollars, 4) for line in cost.lines}
        facts = {"fixed": cost.fixed, "growing": cost.growing, "total": cost.total}
        rounded = {name: round(value, 4) for name, value in facts.items()}
        typer.echo(json.dumps({**rounded, "services": lines}))
        return
    for line in cost.lines:
        typer.echo(f"{line.service:<28}{line.dollars:>8.3f}")
    typer.echo(f"{'fixed':<28}{cost.fixed:>8.2f}")
    typer.echo(f"{'growing':<28}{cost.growing:>8.2f}")
    typer.echo(f"{'together, dollars a month':<28}{cost.total:>8.2f}")
