"""`docs/decisions/README.md`, the list of decisions, made from their titles: `make pages`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tools.documentation.heads import head_of
from tools.documentation.source import REPOSITORY

FOLDER = REPOSITORY / "docs" / "decisions"
PAGE = FOLDER / "README.md"
TITLE = re.compile(r"# (\d+)\. (.+)")


def decisions_page() -> str:
    """Return the page's text."""
    return "\n".join([head_of("decisions"), *_entries(), ""])


def _entries() -> Iterator[str]:
    for path in sorted(FOLDER.glob("[0-9]*.md")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        match = TITLE.fullmatch(first)
        if match is None or int(match[1]) != int(path.name[:4]):
            raise ValueError(f"{path.name} must begin with its number and title, as `# 1. Title`")
        yield f"* [{match[1]}. {match[2]}]({path.name})"
