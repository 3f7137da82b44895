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
from pumpwatch_workbench.operations.overview import overview, overview_of_store
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
        shown = [one.to_json() for one in seen] + [{"problem": line} for line in unread]
        typer.echo(json.dumps(shown if len(shown) > 1 else shown[0]))
    else:
        texts = ["\n".join(lines_of(one)) for one in seen]
        typer.echo("\n\n".join(texts + unread))
    if unread or any(one.abandoned or (one.late and one.process != "") for one in seen):
        raise typer.Exit(1)
