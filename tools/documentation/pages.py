"""Writes the pages of `docs/` that are made from the code, and lists of the menu: `make pages`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from pumpwatch_workbench.operations.costs.page import costs_page
from tools.documentation.command_line import command_line_page
from tools.documentation.configuration import configuration_page
from tools.documentation.metrics import metrics_page
from tools.documentation.source import REPOSITORY, head_of

DOCS = REPOSITORY / "docs"
MENU = REPOSITORY / "mkdocs.yml"
LISTED = ("docs/runbooks", "docs/decisions")
"""Folders whose pages all stand in the menu, below the folder's README."""
TITLE = re.compile(r"# (\d+)\. (.+)")


def decisions_page() -> str:
    """Return the text of `docs/decisions/README.md`, made from the decisions' titles."""
    return "\n".join([head_of("decisions"), *_decision_rows(), ""])


def menu() -> str:
    """Return `mkdocs.yml` with every page of the listed folders, in the order of their names."""
    text = MENU.read_text(encoding="utf-8")
    for folder in LISTED:
        readme = re.compile(rf"^( *)- {folder}/README\.md\n(?:\1- {folder}/.+\n)*", re.MULTILINE)
        pages = sorted(path.name for path in (REPOSITORY / folder).glob("*.md"))
        pages.remove("README.md")
        if len(readme.findall(text)) != 1:
            raise ValueError(f"{MENU.name} must list {folder}/README.md once")
        entries = "".join(f"\\1- {folder}/{name}\n" for name in ("README.md", *pages))
        text = readme.sub(entries, text)
    return text


def _decision_rows() -> Iterator[str]:
    for path in sorted((DOCS / "decisions").glob("[0-9]*.md")):
        first = path.read_text(encoding="utf-8").partition("\n")[0]
        match = TITLE.fullmatch(first)
        if match is None or int(match[1]) != int(path.name[:4]):
            raise ValueError(f"{path.name} must begin with its number and title, as `# 1. Title`")
        yield f"* [{match[1]}. {match[2]}]({path.name})"


GENERATED: dict[Path, Callable[[], str]] = {
    DOCS / "configuration.md": configuration_page,
    DOCS / "command-line.md": command_line_page,
    DOCS / "costs.md": costs_page,
    DOCS / "metrics.md": metrics_page,
    DOCS / "decisions" / "README.md": decisions_page,
    MENU: menu,
}
"""Each file and what makes its text; tests hold the one to the other."""

if __name__ == "__main__":
    for path, make in GENERATED.items():
        path.write_text(make(), encoding="utf-8")
