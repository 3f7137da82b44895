"""The lists of runbooks and decisions in the menu of `mkdocs.yml`, kept by `make pages`."""

from __future__ import annotations

import re

from tools.documentation.source import REPOSITORY

SETTINGS = REPOSITORY / "mkdocs.yml"
LISTED = ("docs/runbooks", "docs/decisions")
"""Folders whose pages all stand in the menu, below the folder's README."""


def settings_with_menu() -> str:
    """Return `mkdocs.yml` with every page of these folders, in the order of their names."""
    text = SETTINGS.read_text(encoding="utf-8")
    for folder in LISTED:
        readme = re.compile(rf"^( *)- {folder}/README\.md\n(?:\1- {folder}/.+\n)*", re.MULTILINE)
        pages = sorted(path.name for path in (REPOSITORY / folder).glob("*.md"))
        pages.remove("README.md")
        if len(readme.findall(text)) != 1:
            raise ValueError(f"{SETTINGS.name} must list {folder}/README.md once")
        entries = "".join(f"\\1- {folder}/{name}\n" for name in ("README.md", *pages))
        text = readme.sub(entries, text)
    return text
