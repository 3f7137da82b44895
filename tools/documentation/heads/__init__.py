"""What stands above the tables of the pages that are made from the code, as Markdown files."""

from __future__ import annotations

from pathlib import Path

__all__ = ["head_of"]


def head_of(page: str) -> str:
    """Return the text that begins a page."""
    return (Path(__file__).parent / f"{page}.md").read_text(encoding="utf-8")
