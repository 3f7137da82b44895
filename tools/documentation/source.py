"""Lays out what the documentation site is built from: `python -m tools.documentation.source`.

The pages link to each other and into the repository by relative paths, as GitHub reads them. The
site is therefore built from a folder of links that has the repository's own layout: every path
that works there works here, and no link has to be rewritten.
"""

from __future__ import annotations

import shutil
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "build" / "docs-source"
PUBLISHED = (
    "*.md",
    "LICENSE",
    "benchmarks/results.json",
    "docs/**/*.*",
    "k8s-monitoring/README.md",
    "k8s-monitoring/values.yaml",
)
"""Files of the site, relative to the repository; a page may link to nothing else in it."""


def lay_out(source: Path = SOURCE, repository: Path = REPOSITORY) -> None:
    """Fill `source` anew with a symbolic link for everything that is published."""
    if source.exists():
        shutil.rmtree(source)
    for pattern in PUBLISHED:
        for path in sorted(repository.glob(pattern)):
            link = source / path.relative_to(repository)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)


def head_of(page: str) -> str:
    """Return the text above the tables of a page that is made from the code."""
    return (Path(__file__).parent / "heads" / f"{page}.md").read_text(encoding="utf-8")


if __name__ == "__main__":
    lay_out()
