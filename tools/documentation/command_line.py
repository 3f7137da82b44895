"""`docs/command-line.md`, made from the commands themselves: `make pages`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from pumpwatch_workbench.cli.main import app
from tools.documentation.source import head_of

STATUSES = {
    0: "good",
    1: "a problem was found; the last lines say which",
    2: "bad input: one line says what is wrong and what to do",
    130: "interrupted by Ctrl-C",
}
EXAMPLE = re.compile(r"^\$? *(pumpwatch .+)$")
FACTS = re.compile(r"(.*?)\s*\[([^\[\]]+)\]$", re.DOTALL)
PAGE_NAME = re.compile(r"docs/([a-z-]+\.md)")
LEAD = re.compile(r"^examples?:\s*", re.IGNORECASE)


def command_line_page() -> str:
    """Return the page's text."""
    named = dict(commands())
    sections = [head_of("command-line"), *_statuses(), "", *_index(named)]
    for name, command in named.items():
        sections += ["", *_section(name, command)]
    return "\n".join(sections) + "\n"


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """Yield every command that is not hidden, in the order of `pumpwatch --help`."""
    group = get_command(app)
    assert isinstance(group, TyperGroup)  # noqa: S101 - for the type checker
    context = typer.Context(group, info_name="pumpwatch")
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, TyperCommand) and not command.hidden:
            yield name, command


def paragraphs(command: TyperCommand) -> tuple[list[str], list[str]]:
    """Return the help's paragraphs, each in one line, and the commands of its examples."""
    text = "\n\n".join(filter(None, (command.help, command.epilog)))
    kept, examples = [], []
    for block in re.split(r"\n\s*\n", inspect.cleandoc(text.replace("\b", ""))):
        lines = [LEAD.sub("", line.strip()) for line in block.splitlines()]
        shown = [match[1] for line in lines if (match := EXAMPLE.match(line))]
        rest = " ".join(line for line in lines if line and not EXAMPLE.match(line))
        if rest:
            kept.append(rest)
        examples += shown
    return kept, examples


def _statuses() -> Iterator[str]:
    """Yield the table of exit statuses; those that only the help names come from there."""
    named = re.findall(r"\b(\d+) ([^,.]+)", get_command(app).epilog or "")
    meanings = {int(number): text for number, text in named} | STATUSES
    yield from ("| exit status | meaning |", "| ---: | --- |")
    for number, meaning in sorted(meanings.items()):
        yield f"| {number} | {meaning} |"


def _index(named: dict[str, TyperCommand]) -> Iterator[str]:
    yield from ("| command | what it does |", "| --- | --- |")
    for name, command in named.items():
        first = paragraphs(command)[0][0]
        sentence = re.split(r"(?<=[.:]) ", first)[0].rstrip(".:")
        yield f"| [`{name}`](#{name}) | {_cell(sentence)} |"


def _section(name: str, command: TyperCommand) -> Iterator[str]:
    kept, examples = paragraphs(command)
    yield f"## {name}"
    for text in kept:
        yield from ("", _linked(text))
    if examples:
        yield from ("", "```console", *examples, "```")
    yield from ("", "| option | default | meaning |", "| --- | --- | --- |")
    context = typer.Context(command, info_name=name)
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and "--help" not in parameter.opts:
            names, text = record
            match = FACTS.match(text)
            meaning, facts = (match[1], match[2]) if match else (text, "")
            yield f"| `{_cell(names)}` | {_default(facts)} | {_cell(_linked(meaning))} |"


def _default(facts: str) -> str:
    """Return what typer says in brackets: a default, a range, or that it is required."""
    default = facts.removeprefix("default: ")
    return f"`{_cell(default)}`" if default != facts else _cell(facts)


def _linked(text: str) -> str:
    return PAGE_NAME.sub(r"[docs/\1](\1)", " ".join(text.split()))


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
