"""`pumpwatch status`: what an installation is doing."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console

from pumpwatch_workbench.cli.operating import (
    STACK,
    StackName,
    Store,
    deployed_stack,
    refuse_both,
)
from pumpwatch_workbench.cli.options import AsJson, Region
from pumpwatch_workbench.local.store import Database
from pumpwatch_workbench.operations.overview import (
    Overview,
    overview,
    overview_of_store,
    print_overview,
)


def status(
    *,
    store: Store = None,
    stack: StackName = STACK,
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Show what a deployed stack, or paper trading here, is doing.

    That is its runs, halt, positions and pauses. With --store, paper trading may be running
    meanwhile. Exit status 1: a function has not succeeded for three minutes.

    Examples:
      pumpwatch status --store ~/.pumpwatch/paper.db
      pumpwatch status --stack pumpwatch --region eu-central-1 --json
    """
    seen = _overview(store, stack, region)
    if as_json:
        typer.echo(json.dumps(seen.to_json()))
    else:
        print_overview(seen, Console(highlight=False, markup=False))
    if seen.late:
        raise typer.Exit(1)


def _overview(store: Path | None, stack: str, region: str) -> Overview:
    if store is None:
        return overview(deployed_stack(stack, region))
    refuse_both(stack, region)
    database = Database(store, writable=False)
    try:
        return overview_of_store(database)
    finally:
        database.close()
