"""`pumpwatch config`: the settings of a person's file, and of a deployed stack."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from difflib import ndiff
from pathlib import Path
from typing import Annotated, Literal

import typer

from pumpwatch.errors import BadInput, SettingsError
from pumpwatch_workbench.cli.operating import deployed_stack
from pumpwatch_workbench.cli.options import AsJson, Region
from pumpwatch_workbench.configuration.load import FILE, KINDS, KNOWN, load
from pumpwatch_workbench.configuration.meanings import starting_file
from pumpwatch_workbench.configuration.stack_object import push, settings_to_push, stored_settings
from pumpwatch_workbench.configuration.toml_file import as_lines

Said = tuple[Sequence[str], Mapping[str, object]]
"""Lines for a person, and the document for --json."""


def config(
    action: Literal["init", "show", "check", "push"],
    file: Annotated[Path | None, typer.Argument(help="The file; else the one in force.")] = None,
    *,
    stack: Annotated[str, typer.Option(help="A deployed stack, for show and push.")] = "",
    region: Region = "",
    as_json: AsJson = False,
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
    if action == "init":
        lines, document = _started(file or Path(FILE))
    elif action == "push":
        lines, document = _pushed(file, stack, region)
    elif action == "check":
        lines, document = _checked(file)
    elif stack:
        document = stored_settings(deployed_stack(stack, region))
        lines = as_lines(document)
    else:
        lines, document = _in_force(file)
    typer.echo(json.dumps(document) if as_json else "\n".join(lines))


def _started(path: Path) -> Said:
    with path.open("x", encoding="utf-8") as made:
        made.write(starting_file())
    return [f"Written: {path}"], {"file": str(path)}


def _checked(file: Path | None) -> Said:
    if file is None:
        raise BadInput("name the file to check: pumpwatch config check pumpwatch.toml")
    given = load({}, file=file, environment={}).given
    return [f"{file}: {len(given)} settings, nothing is wrong"], {"settings": len(given)}


def _in_force(file: Path | None) -> Said:
    loaded = load({}, file=file, environment=os.environ)
    for warning in loaded.warnings:
        typer.echo(warning, err=True)
    rows = {}
    for part, kind in KINDS.items():
        for name in kind.model_fields.keys() & KNOWN:
            given = loaded.given.get(name)
            origin = given.shown.removesuffix(f": {name}") if given else "default"
            rows[name] = str(getattr(getattr(loaded, part), name)), origin
    lines = [f"{name} = {text or '(empty)'}  ({of})" for name, (text, of) in sorted(rows.items())]
    return [f"File: {loaded.file or 'none'}", *lines], rows


def _pushed(file: Path | None, stack: str, region: str) -> Said:
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
    return changes or ["nothing changes"], settings
