"""`pumpwatch config`: the settings of a person's file, and of a deployed stack."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
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

Said = tuple[Sequence[str], Mapping[str, object]]
"""Lines for a person, and the document for --json."""


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
    """Make, check and show a configuration, and bring it to a stack.

    `init` writes a starting `pumpwatch.toml`, `show` prints what is in force and where it comes
    from, `check` says what is wrong. `push` replaces a stack's settings by a file's, `pull` writes
    them into a new file. The file in force is the one in PUMPWATCH_CONFIG, ./pumpwatch.toml, or
    pumpwatch.toml in the folder of a person.

    Examples:
      pumpwatch config init
      pumpwatch config show
      pumpwatch config push pumpwatch.toml --stack pumpwatch
    """
    if action is Action.INIT:
        said = _write(file or Path(FILE), starting_file())
    elif stack and action is not Action.CHECK:
        said = _of_a_stack(action, file, stack, region)
    elif action in (Action.PUSH, Action.PULL):
        raise BadInput(f"pumpwatch config {action} FILE --stack NAME: name file and stack")
    elif action is Action.SHOW:
        said = _in_force(file)
    elif file is None:
        raise BadInput("name the file to check: pumpwatch config check pumpwatch.toml")
    else:
        given = load({}, file=file, environment={}).given
        said = [f"{file}: {len(given)} settings, nothing is wrong"], {"settings": len(given)}
    lines, document = said
    typer.echo(json.dumps(document) if as_json else "\n".join(lines))


def _in_force(file: Path | None) -> Said:
    loaded = load({}, file=file, environment=os.environ)
    for warning in loaded.warnings:
        typer.echo(warning, err=True)
    lines, rows = [f"File: {loaded.file or 'none'}"], {}
    for part, kind in KINDS.items():
        for name in kind.model_fields.keys() & KNOWN:
            given = loaded.given.get(name)
            origin = given.shown.removesuffix(f": {name}") if given else "default"
            rows[name] = str(getattr(getattr(loaded, part), name)), origin
    lines += [f"{name} = {text or '(empty)'}  ({of})" for name, (text, of) in sorted(rows.items())]
    return lines, rows


def _of_a_stack(action: Action, file: Path | None, stack: str, region: str) -> Said:
    deployed = deployed_stack(stack, region)
    before = stored_settings(deployed)
    lines = [as_line(name, value) for name, value in before.items()]
    if action is Action.SHOW:
        return lines, before
    if file is None:
        raise BadInput(f"name the file: pumpwatch config {action} FILE --stack {stack}")
    if action is Action.PULL:
        return _write(file, "\n".join([*lines, ""]))
    settings = settings_to_push(file, deployed)
    changes = differences(before, settings)
    if changes:
        push(deployed, before, settings)
    return changes or ["nothing changes"], settings


def _write(path: Path, text: str) -> Said:
    with path.open("x", encoding="utf-8") as made:
        made.write(text)
    return [f"Written: {path}"], {"file": str(path)}
