"""`pumpwatch config`: the settings of a person's file, and of a deployed stack."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import ndiff
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pumpwatch.errors import BadInput, SettingsError
from pumpwatch_workbench.cli.operating import deployed_stack
from pumpwatch_workbench.cli.options import Region
from pumpwatch_workbench.configuration.load import FILE, KINDS, KNOWN, load
from pumpwatch_workbench.configuration.meanings import starting_file
from pumpwatch_workbench.configuration.stack_object import push, settings_to_push, stored_settings
from pumpwatch_workbench.configuration.toml_file import as_lines


class Action(StrEnum):
    """What to do."""

    INIT = "init"
    SHOW = "show"
    CHECK = "check"
    PUSH = "push"


def config(
    action: Action,
    file: Annotated[Path | None, typer.Argument(help="The file; else the one in force.")] = None,
    *,
    stack: Annotated[str, typer.Option(help="A deployed stack, for show and push.")] = "",
    region: Region = "",
) -> None:
    """Make, check and show a configuration, and bring it to a stack.

    `init` writes a starting `pumpwatch.toml`, `show` prints what is in force and where it comes
    from, `check` says what is wrong, `push` replaces a stack's settings by a file's. The file in
    force is the one in PUMPWATCH_CONFIG, ./pumpwatch.toml, or pumpwatch.toml in the folder of a
    person.

    Examples:
      pumpwatch config init
      pumpwatch config show
      pumpwatch config push pumpwatch.toml --stack pumpwatch
    """
    if action is Action.INIT:
        lines = _started(file or Path(FILE))
    elif action is Action.PUSH:
        lines = _pushed(file, stack, region)
    elif action is Action.CHECK:
        lines = _checked(file)
    elif stack:
        lines = as_lines(stored_settings(deployed_stack(stack, region)))
    else:
        lines = _in_force(file)
    typer.echo("\n".join(lines))


def _started(path: Path) -> Sequence[str]:
    with path.open("x", encoding="utf-8") as made:
        made.write(starting_file())
    return [f"Written: {path}"]


def _checked(file: Path | None) -> Sequence[str]:
    if file is None:
        raise BadInput("name the file to check: pumpwatch config check pumpwatch.toml")
    given = load({}, file=file, environment={}).given
    return [f"{file}: {len(given)} settings, nothing is wrong"]


def _in_force(file: Path | None) -> Sequence[str]:
    loaded = load({}, file=file, environment=os.environ)
    for warning in loaded.warnings:
        typer.echo(warning, err=True)
    lines = {}
    for part, kind in KINDS.items():
        for name in kind.model_fields.keys() & KNOWN:
            given, value = loaded.given.get(name), str(getattr(getattr(loaded, part), name))
            origin = given.shown.removesuffix(f": {name}") if given else "default"
            lines[name] = f"{name} = {value or '(empty)'}  ({origin})"
    return [f"File: {loaded.file or 'none'}", *(lines[name] for name in sorted(lines))]


def _pushed(file: Path | None, stack: str, region: str) -> Sequence[str]:
    if file is None or not stack:
        raise BadInput("pumpwatch config push FILE --stack NAME: name file and stack")
    deployed = deployed_stack(stack, region)
    settings = settings_to_push(file, deployed)
    try:
        before = as_lines(stored_settings(deployed))
    except SettingsError as error:  # what stands there is nonsense: this mends it
        before = [str(error)]
    changes = [line for line in ndiff(before, as_lines(settings)) if line.startswith(("-", "+"))]
    if changes:
        push(deployed, settings)
    return changes or ["nothing changes"]
