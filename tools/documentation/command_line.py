"""`docs/command-line.md`, made from the commands themselves: `make pages`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import typer
from typer.core import TyperCommand

from pumpwatch_workbench.cli.commands import COMMANDS, load_command
from pumpwatch_workbench.cli.main import EPILOG
from tools.documentation.source import head_of

FACTS = re.compile(r"(.*?)\s*\[([^\[\]]+)\]$", re.DOTALL)
PAGE_NAME = re.compile(r"docs/([a-z-]+\.md)")
SHARED = 3
"""An option that as many commands have, with the same meaning, is described once."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option as Markdown."""

    names: str
    default: str
    meaning: str


def command_line_page() -> str:
    """Return the page's text."""
    options = {name: list(_options(load_command(name))) for name in COMMANDS}
    shared = _shared(options)
    sections = [head_of("command-line"), *_statuses(), "", *_index(), "", "## Shared options", ""]
    sections += ["A command has those that its section names. Defaults are in brackets.", ""]
    sections += _list(shared.values())
    for name in COMMANDS:
        sections += ["", *_section(name, options[name], shared)]
    return "\n".join(sections) + "\n"


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """Yield every command in the order of `pumpwatch --help`."""
    for name in COMMANDS:
        yield name, load_command(name)


def examples_of(command: TyperCommand) -> list[str]:
    """Return the commands of its examples."""
    return re.findall(r"^ +(pumpwatch .+)$", command.epilog or "", re.MULTILINE)


def _statuses() -> Iterator[str]:
    yield from ("| exit status | meaning |", "| ---: | --- |")
    for number, meaning in re.findall(r"\b(\d+) ([^,.]+)", EPILOG):
        yield f"| {number} | {meaning} |"


def _index() -> Iterator[str]:
    """Yield a line for each group of commands."""
    groups = defaultdict(list)
    for name, (panel, _) in COMMANDS.items():
        groups[panel].append(f"[`{name}`](#{name})")
    for panel, names in groups.items():
        yield f"* {panel}: {', '.join(names)}"


def _options(command: TyperCommand) -> Iterator[Option]:
    context = typer.Context(command, info_name=command.name)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            names, text = record
            match = FACTS.match(text)
            meaning, facts = (match[1], match[2]) if match else (text, "")
            yield Option(f"`{names.replace(', ', ' / ')}`", _default(facts), _linked(meaning))


def _shared(options: dict[str, list[Option]]) -> dict[tuple[str, str], Option]:
    """Return the options of several commands, by names and meaning, with their usual default."""
    same = defaultdict(list)
    for rows in options.values():
        for row in rows:
            same[row.names, row.meaning].append(row.default)
    return {
        key: Option(key[0], defaults[0] if len(set(defaults)) == 1 else "", key[1])
        for key, defaults in same.items()
        if len(defaults) >= SHARED
    }


def _section(
    name: str, options: list[Option], shared: dict[tuple[str, str], Option]
) -> Iterator[str]:
    command = load_command(name)
    yield f"## {name}"
    for text in (command.help or "").split("\n\n"):
        yield from ("", _linked(text))
    yield from ("", "```console", *examples_of(command), "```")
    own = [row for row in options if (row.names, row.meaning) not in shared]
    if own:
        yield from ("", *_list(own))
    if also := [_also(row, shared) for row in options if row not in own]:
        yield from ("", f"Also {', '.join(also)}.")


def _also(row: Option, shared: dict[tuple[str, str], Option]) -> str:
    name = re.split("[ /]", row.names.strip("`"))[0]
    default = "" if shared[row.names, row.meaning].default == row.default else f" ({row.default})"
    return f"`{name}`{default}"


def _list(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        default = f" ({option.default})" if option.default else ""
        yield f"* {option.names}{default}: {option.meaning}"


def _default(facts: str) -> str:
    """Return what typer says in brackets: a default, a range, or that it is required."""
    default = facts.removeprefix("default: ")
    return f"`{default}`" if default != facts else facts


def _linked(text: str) -> str:
    return PAGE_NAME.sub(r"[docs/\1](\1)", " ".join(text.split()))
