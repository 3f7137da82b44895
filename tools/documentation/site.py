"""Checks the site that was built, whatever built it: `python -m tools.documentation.site`.

Nothing may be loaded from elsewhere, every link inside must lead somewhere, and each page needs a
title, one main heading and words for its pictures. Exit status 1 when something is wrong.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import typer

from tools.documentation.source import REPOSITORY

SITE = REPOSITORY / "build" / "site"
LOADED = {"audio", "embed", "iframe", "img", "input", "script", "source", "track", "video"}
POINTING = {"canonical", "next", "prev", "alternate"}
"""Kinds of `<link>` that load nothing."""
STYLE_ADDRESS = re.compile(r"(?:@import\s+|url\()\s*[\"']?(?:https?:)?//", re.IGNORECASE)
NOT_FOUND_PAGE = "404.html"
"""It is served at any address, so its links are absolute."""


@dataclass
class Page(HTMLParser):
    """A page's resources, links and headings."""

    path: Path
    ids: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    headings: int = 0
    titles: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        text = self.path.read_text(encoding="utf-8")
        self.feed(text)
        if STYLE_ADDRESS.search(text):
            self.faults.append("a style loads something from elsewhere")
        if self.headings != 1:
            self.faults.append(f"has {self.headings} main headings, not one")
        if not self.titles:
            self.faults.append("has no title")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what matters about a tag."""
        given = {name: value or "" for name, value in attrs}
        self.ids.update(given[name] for name in ("id", "name") if name in given)
        self.headings += tag == "h1"
        self.titles += tag == "title"
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in LOADED and "src" in given:
            self.loads.append(given["src"])
        if "srcset" in given:
            self.loads += [name.split()[0] for name in given["srcset"].split(",")]
        if tag == "link" and given.get("rel") not in POINTING:
            self.loads.append(given.get("href", ""))
        if tag == "img" and not given.get("alt"):
            self.faults.append(f"the picture {given.get('src')} has no words for it")

    def __hash__(self) -> int:
        return id(self)


def problems(site: Path = SITE) -> Iterator[str]:
    """Yield a sentence for everything that is wrong with the built site."""
    site = site.resolve()
    pages = {path: Page(path) for path in sorted(site.rglob("*.html"))}
    if not pages:
        yield f"{site}: there is no page; run make docs"
    for path, page in pages.items():
        name = path.relative_to(site)
        yield from (f"{name}: {fault}" for fault in page.faults)
        for address in page.loads:
            if urlsplit(address).netloc:
                yield f"{name}: loads {address} from elsewhere"
        if name.name != NOT_FOUND_PAGE:
            for address in (*page.links, *page.loads):
                yield from (f"{name}: {fault}" for fault in _dead(address, path, pages))
    for path in sorted(site.rglob("*.css")):
        if STYLE_ADDRESS.search(path.read_text(encoding="utf-8")):
            yield f"{path.relative_to(site)}: loads something from elsewhere"


def _dead(address: str, path: Path, pages: dict[Path, Page]) -> Iterator[str]:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if not target.is_file():
        yield f"{address} leads nowhere"
    elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
        yield f"{address} names a place that is not on that page"


def main() -> None:
    """Print what is wrong, one line each."""
    lines = list(problems())
    for line in lines:
        typer.echo(f"docs: {line}", err=True)
    if lines:
        sys.exit(1)
    typer.echo(f"The documentation is in {SITE.relative_to(REPOSITORY)}/index.html")


if __name__ == "__main__":
    main()
