"""`pumpwatch.toml`: flat lines `name = value`, read with where each stands, and written."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from pumpwatch.errors import BadInput

LINE = re.compile(r"""\s*\[*\s*["']?([\w-]+)["']?\s*[]=.]""")
PLAIN = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?|true|false")


def read_lines(path: Path) -> tuple[dict[str, object], dict[str, int]]:
    """Return the values by name, and the line of each. Raises `BadInput`."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        values = tomllib.loads(text)
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no text in UTF-8: pumpwatch config init makes one") from None
    except tomllib.TOMLDecodeError as error:
        end = f"line {len(text.splitlines())}, the end"
        where = str(error).replace("end of document", end)
        raise BadInput(f"{path} is not valid TOML: {where}; texts stand in quotes") from None
    rows = {name: row for row, line in enumerate(text.splitlines(), 1) if (name := _name_in(line))}
    return values, rows


def as_text(value: object) -> str | None:
    """Return a value as a variable of the environment has it, None for what it cannot be."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    return str(value) if isinstance(value, bool | int | float | str) else None


def as_lines(settings: Mapping[str, str]) -> list[str]:
    """Return the file's lines, in the order of their names."""
    return [as_line(name, settings[name]) for name in sorted(settings)]


def as_line(name: str, text: str) -> str:
    """Return a line of the file."""
    if PLAIN.fullmatch(text):
        return f"{name} = {text}"
    return f"{name} = {json.dumps(text, ensure_ascii=False)}"


def merge_lines(path: Path, settings: Mapping[str, str]) -> None:
    """Write settings to a file's end, instead of its lines for them; every other line stays.

    Raises `BadInput`.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    others = [line for line in lines if _name_in(line) not in settings]
    written = "\n".join([*others, *as_lines(settings), ""])
    if any(as_text(tomllib.loads(written).get(name)) != settings[name] for name in settings):
        raise BadInput(f"{path} has sections: keep its lines flat, as pumpwatch config init does")
    path.write_text(written, encoding="utf-8")


def _name_in(line: str) -> str | None:
    match = LINE.match(line)
    return match[1] if match else None
