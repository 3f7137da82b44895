"""`pumpwatch.toml`: flat lines `name = value`, read with where each stands, and written."""

from __future__ import annotations

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
    return values, {name: row + 1 for name, row in _rows(text.splitlines()).items()}


def as_text(value: object) -> str | None:
    """Return a value as a variable of the environment has it, None for what it cannot be."""
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return ",".join(value)
    return str(value) if isinstance(value, bool | int | float | str) else None


def as_line(name: str, text: str) -> str:
    """Return a line of the file."""
    if PLAIN.fullmatch(text):
        return f"{name} = {text}"
    return '{} = "{}"'.format(name, text.replace("\\", "\\\\").replace('"', '\\"'))


def merge_lines(path: Path, settings: Mapping[str, str], comment: str) -> None:
    """Write settings into a file, in place where it has them; every other line stays.

    The comment goes above them, instead of an earlier one with its first word. Raises `BadInput`.
    """
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    lines = [line for line in lines if not line.startswith(f"# {comment.split(maxsplit=1)[0]}")]
    rows = _rows(lines)
    for name, text in settings.items():
        row = rows.setdefault(name, len(lines))
        lines[row : row + 1] = [as_line(name, text)]
    lines.insert(min(rows[name] for name in settings), f"# {comment}")
    written = "\n".join([*lines, ""])
    if any(as_text(tomllib.loads(written).get(name)) != settings[name] for name in settings):
        raise BadInput(f"{path} has sections: keep its lines flat, as pumpwatch config init does")
    path.write_text(written, encoding="utf-8")


def _rows(lines: list[str]) -> dict[str, int]:
    return {match[1]: row for row, line in enumerate(lines) if (match := LINE.match(line))}
