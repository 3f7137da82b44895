"""`pumpwatch config`: the settings of a person's file, and of a deployed stack."""

from __future__ import annotations

import json
import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.operating import deployed_stack
from pumpwatch_workbench.cli.options import AsJson, Region
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
    as_json: AsJson = False,
) -> None:
    """Make, check and show `pumpwatch.toml`, and bring settings to a deployed stack.

    `init` writes a starting file, `show` prints what is in force and where it comes from, `check`
    says what is wrong. `push` replaces a stack's settings by a file's, which take effect within
    two minutes; `pull` writes what a stack has into a file.

    The file is --config FILE, the one in PUMPWATCH_CONFIG, ./pumpwatch.toml, or pumpwatch.toml in
    the folder of a person. Options win over the environment, and that over the file.

    Examples:
      pumpwatch config init
      pumpwatch config show
      pumpwatch config push pumpwatch.toml --stack pumpwatch
    """
    if action is Action.INIT:
        path = file or Path(FILE)
        with path.open("x", encoding="utf-8") as made:
            made.write(starting_file())
        typer.echo(f"{path}: every setting, with its default behind a #")
    elif action in (Action.PUSH, Action.PULL) or stack:
        _of_a_stack(action, file, stack, region, as_json=as_json)
    else:
        _of_a_person(action, file, as_json=as_json)


def _of_a_person(action: Action, file: Path | None, *, as_json: bool) -> None:
    if action is Action.CHECK and file is None:
        raise BadInput("name the file to check: pumpwatch config check pumpwatch.toml")
    loaded = load({}, file=file, environment={} if action is Action.CHECK else os.environ)
    for warning in loaded.warnings:
        typer.echo(warning, err=True)
    values = {kind: getattr(loaded, field) for kind, field in zip(KINDS, FIELDS, strict=True)}
    rows = {
        name: {"value": str(getattr(values[kind], name)), "from": "default"}
        for kind in KINDS
        for name in kind.model_fields
        if name in KNOWN
    }
    for name, given in loaded.given.items():
        rows[name]["from"] = given.shown.rpartition(": ")[0] or given.source
    if as_json:
        typer.echo(json.dumps(rows))
    elif action is Action.CHECK:
        typer.echo(f"{file}: {len(loaded.given)} settings, nothing is wrong")
    else:
        typer.echo(f"File: {loaded.file or 'none'}")
        for name, row in rows.items():
            typer.echo(f"{name} = {row['value'] or '(empty)'}  ({row['from']})")


FIELDS = ("desk", "detect", "trade")


def _of_a_stack(
    action: Action, file: Path | None, stack: str, region: str, *, as_json: bool
) -> None:
    if not stack or action is Action.CHECK or (action is Action.PUSH and file is None):
        raise BadInput("pumpwatch config push FILE --stack NAME; show and pull take --stack too")
    deployed = deployed_stack(stack, region)
    settings = stored_settings(deployed)
    if action is Action.PUSH and file is not None:
        wanted = settings_to_push(file, deployed)
        lines = differences(settings, wanted)
        if lines:
            push(deployed, wanted)
        settings = wanted
        typer.echo("\n".join(lines) or "nothing changes", err=as_json)
    text = "".join(f"{as_line(name, value)}\n" for name, value in settings.items())
    if action is Action.PULL and file is not None:
        with file.open("x", encoding="utf-8") as made:
            made.write(text)
    elif as_json:
        typer.echo(json.dumps(settings))
    elif action is not Action.PUSH:
        typer.echo(text, nl=False)
