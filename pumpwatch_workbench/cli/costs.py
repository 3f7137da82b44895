"""`pumpwatch costs`: what a deployed stack costs a month, from measurements and list prices."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.options import AsJson, check_range
from pumpwatch_workbench.deployment import COSTS_PAGE, IN_CHECKOUT
from pumpwatch_workbench.operations.costs.page import costs as compute
from pumpwatch_workbench.operations.costs.page import costs_page
from pumpwatch_workbench.operations.costs.usage import MEASURED_SYMBOLS
from pumpwatch_workbench.pages.files import write_whole


def costs(
    *,
    symbols: Annotated[int, typer.Option(help="200, 600 or 1000: what was measured.")] = 1_000,
    scan_seconds: Annotated[int, typer.Option(help="ScanIntervalSeconds, 1 to 60.")] = 5,
    write: Annotated[bool, typer.Option("--write", help="Renew docs/costs.md.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compute dollars a month at list prices, without a free tier, by service.

    Examples:
      pumpwatch costs
      pumpwatch costs --symbols 600 --scan-seconds 15 --json
    """
    check_range("--scan-seconds", scan_seconds, 1, 60)
    if symbols not in MEASURED_SYMBOLS:
        measured = ", ".join(map(str, MEASURED_SYMBOLS))
        raise BadInput(f"--symbols is {symbols}: give one that was measured, {measured}")
    if write and not IN_CHECKOUT:
        raise BadInput("--write renews a page of a checkout: there is none here")
    cost = compute(symbols, scan_seconds)
    if write:
        write_whole(COSTS_PAGE, costs_page())
    parts = {"fixed": cost.fixed, "growing": cost.growing}
    if as_json:
        lines = {line.service: round(line.dollars, 4) for line in cost.lines}
        rounded = {name: round(value, 4) for name, value in (parts | {"total": cost.total}).items()}
        typer.echo(json.dumps({**rounded, "services": lines}))
        return
    for line in cost.lines:
        typer.echo(f"{line.service:<28}{line.dollars:>8.3f}")
    for name, value in (parts | {"together, dollars a month": cost.total}).items():
        typer.echo(f"{name:<28}{value:>8.2f}")
