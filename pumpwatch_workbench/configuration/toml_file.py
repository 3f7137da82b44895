"""`pumpwatch.toml`: flat lines `name = value`, read with where each stands, and written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pumpwatch.errors import BadInput

LINE = re.compile(r"""\s*\[*\s*["']?([\w-]+)["']?\s*[]=.]""")
NEWLINE = "\n"
KINDS = {bool: lambda value: str(value).lower(), str: str, int: str, float: repr}


def read_lines(path: Path) -> tuple[dict[str, object], dict[str, int]]:
    """Return the values by name, and the line of each. Raises `BadInput`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = tomllib.loads(text)
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no text in UTF-8: pumpwatch config init makes one") from None
    except tomllib.TOMLDecodeError as error:
        where = str(error).replace("end of document", f"line {text.count(NEWLINE) + 1}, the end")
        raise BadInput(f"{path} is not valid TOML: {where}; texts stand in quotes") from None
    lines = enumerate(text.splitlines(), start=1)
    return values, {match[1]: number for number, line in lines if (match := LINE.match(line))}


def as_text(value: object) -> str | None:
    """Return a value as a variable of the environment has it, None for what it cannot be."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    return KINDS[type(value)](value) if type(value) in KINDS else None


def as_line(name: str, text: str) -> str:
    """Return a line of the file."""
    plain = re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?|true|false", text)
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f"{name} = {text}" if plain else f'{name} = "{quoted}"'


def merge_lines(path: Path, settings: Mapping[str, str], comment: str) -> None:
    """Write settings into a file, in place where it has them; every other line stays.

    The comment goes above them and replaces what it said before. Raises `BadInput`.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    head = comment.partition(":")[0]
    lines = [line for line in lines if not line.startswith(f"# {head}:")]
    place = {match[1]: row for row, line in enumerate(lines) if (match := LINE.match(line))}
    new = {name: as_line(name, text) for name, text in settings.items()}
    for name in new.keys() & place.keys():
        lines[place[name]] = new[name]
    lines += [new[name] for name in new if name not in place]
    first = min(lines.index(line) for line in new.values())
    text = "\n".join([*lines[:first], f"# {comment}", *lines[first:], ""])
    read = tomllib.loads(text)
    if any(as_text(read.get(name)) != as_text(tomllib.loads(new[name])[name]) for name in new):
        raise BadInput(f"{path} has sections: keep its lines flat, as pumpwatch config init does")
    path.write_text(text, encoding="utf-8")
