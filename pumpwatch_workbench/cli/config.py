"""`pumpwatch config`: the settings of a person's file, and of a deployed stack."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.operating import deployed_stack
from pumpwatch_workbench.cli.options import Region
from pumpwatch_workbench.configuration.load import FILE, KINDS, KNOWN, load
from pumpwatch_workbench.configuration.meanings import starting_file
from pumpwatch_workbench.configuration.stack_object import (
    differences,
    push,
    settings_to_push,
    stored_settings,
)
from pumpwatch_workbench.configuration.toml_file import as_line


class Action(StrEnum):
    """What to do."""

    INIT = "init"
    SHOW = "show"
    CHECK = "check"
    PUSH = "push"
    PULL = "pull"


def config(
    action: Action,
    file: Annotated[Path | None, typer.Argument(help="The file; else the one in force.")] = None,
    *,
    stack: Annotated[str, typer.Option(help="A deployed stack, for show, push and pull.")] = "",
    region: Region = "",
) -> None:
    """Make, check and show `pumpwatch.toml`, and bring settings to a deployed stack.

    `init` writes a starting file, `show` prints what is in force and where it comes from, `check`
    says what is wrong. `push` replaces a stack's settings by a file's, `pull` writes them into a
    new file. The file in force is the one in PUMPWATCH_CONFIG, ./pumpwatch.toml, or pumpwatch.toml
    in the folder of a person.

    Examples:
      pumpwatch config init
      pumpwatch config show
      pumpwatch config push pumpwatch.toml --stack pumpwatch
    """
    if action is Action.INIT:
        _write(file or Path(FILE), starting_file())
    elif stack and action is not Action.CHECK:
        _of_a_stack(action, file, stack, region)
    elif action in (Action.PUSH, Action.PULL):
        raise BadInput(f"pumpwatch config {action} FILE --stack NAME: name file and stack")
    elif action is Action.SHOW:
        _show(file)
    elif file is None:
        raise BadInput("name the file to check: pumpwatch config check pumpwatch.toml")
    else:
        given = load({}, file=file, environment={}).given
        typer.echo(f"{file}: {len(given)} settings, nothing is wrong")


def _show(file: Path | None) -> None:
    loaded = load({}, file=file, environment=os.environ)
    for warning in loaded.warnings:
        typer.echo(warning, err=True)
    typer.echo(f"File: {loaded.file or 'none'}")
    rows = {}
    for part, kind in KINDS.items():
        for name in kind.model_fields.keys() & KNOWN:
            rows[name] = getattr(getattr(loaded, part), name)
    for name, value in sorted(rows.items()):
        given = loaded.given.get(name)
        origin = given.shown.removesuffix(f": {name}") if given else "default"
        typer.echo(f"{name} = {str(value) or '(empty)'}  ({origin})")


def _of_a_stack(action: Action, file: Path | None, stack: str, region: str) -> None:
    deployed = deployed_stack(stack, region)
    before = stored_settings(deployed)
    text = "".join(f"{as_line(name, value)}\n" for name, value in before.items())
    if action is Action.SHOW:
        typer.echo(text, nl=False)
    elif file is None:
        raise BadInput(f"name the file: pumpwatch config {action} FILE --stack {stack}")
    elif action is Action.PULL:
        _write(file, text)
    else:
        settings = settings_to_push(file, deployed)
        lines = differences(before, settings)
        typer.echo("\n".join(lines) or "nothing changes")
        if lines:
            push(deployed, before, settings)


def _write(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as made:
        made.write(text)
    typer.echo(f"Written: {path}")
