"""`pumpwatch status`: what an installation is doing."""

from __future__ import annotations

import json
from contextlib import closing

import typer

from pumpwatch.errors import PumpwatchError
from pumpwatch_workbench.cli.operating import Choice, Mode, StackName, Store
from pumpwatch_workbench.cli.options import AsJson, Region
from pumpwatch_workbench.local.store import Database
from pumpwatch_workbench.operations.installation import name_of_store
from pumpwatch_workbench.operations.overview import Overview, overview, overview_of_store
from pumpwatch_workbench.operations.overview_lines import lines_of


def status(
    *,
    store: Store = None,
    mode: Mode = None,
    stack: StackName = "",
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Show what a desk on this machine, or a deployed stack, is doing.

    That is its money, runs, halt, positions and pauses. Without a name it shows every store in
    ~/.pumpwatch, or else the stack pumpwatch; JSON is a list where there are several.

    Exit status 1: a function has not succeeded for three minutes, or something is open and
    nothing runs.

    Examples:
      pumpwatch status
      pumpwatch status --stack pumpwatch --region eu-central-1 --json
    """
    choice = Choice(store, mode, stack, region)
    stores, seen, unread = choice.stores(), [], []
    for path in stores:
        try:
            with closing(Database(path, writable=False)) as database:
                seen.append(overview_of_store(database))
        except PumpwatchError as error:
            if len(stores) == 1:
                raise
            unread.append(f"NOT READ: {name_of_store(path)}: {error}")
    if not stores:
        seen.append(overview(choice.find_stack()))
    if as_json:
        shown = [state.to_json() for state in seen] + [{"problem": line} for line in unread]
        typer.echo(json.dumps(shown if len(shown) > 1 else shown[0]))
    else:
        texts = ["\n".join(lines_of(state)) for state in seen]
        typer.echo("\n\n".join(texts + unread))
    if unread or any(map(_needs_somebody, seen)):
        raise typer.Exit(1)


def _needs_somebody(state: Overview) -> bool:
    """Return whether what is open is not cared for, or a function of what runs is late."""
    return state.abandoned or bool(state.late and state.process != "")
