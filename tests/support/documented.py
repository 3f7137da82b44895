"""Every command that a page shows, found with a Markdown parser and cut as a shell would cut it.

Commands stand in fenced blocks marked `sh` or `console`, to be typed as they are, or as code within
a sentence: complete too, or a reader who types it gets an error. Only what a page says about the
past may leave something out.
"""

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

REPOSITORY = Path(__file__).resolve().parents[2]
PAGES = tuple(
    path
    for pattern in ("*.md", "docs/**/*.md", "k8s-monitoring/*.md")
    for path in sorted(REPOSITORY.glob(pattern))
)
SHELLS = {"sh", "bash", "shell", "console"}
PROGRAMS = {
    "pumpwatch", ".venv/bin/pumpwatch", "make", "aws", "sam", "helm", "kubectl", "promtool", "git",
    "curl", "pip", "python", ".venv/bin/python", "apt",
}  # fmt: skip
"""Code within a sentence that begins with one of these, and goes on, is a command."""
OPERATORS = {"&&", "||", "|", ";", "&"}
REDIRECTIONS = {">", ">>", "<", "2>", ">&"}
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Shown:
    """A line of shell on a page."""

    page: str
    line: int
    text: str
    typed: bool
    """True in a block to be typed, False in a sentence."""

    @property
    def complete(self):
        """Return whether it must work as it stands: not so where history is told."""
        return self.typed or not self.page.startswith(("CHANGELOG", "docs/decisions/"))

    def __str__(self):
        return f"{self.page}:{self.line}: {self.text}"


@cache
def shown():
    """Return all lines of shell, page by page."""
    return tuple(line for page in PAGES for line in _on_page(page))


def unmarked():
    """Yield lines that begin like a command in blocks that are not marked as shell."""
    for page in PAGES:
        for token in _tokens(page):
            if token.type == "fence" and token.info.strip().split(" ")[0] not in SHELLS:
                for offset, line in enumerate(token.content.splitlines()):
                    words = line.removeprefix("$ ").split()
                    if len(words) > 1 and words[0] in PROGRAMS:
                        yield Shown(_name(page), token.map[0] + 2 + offset, line, typed=False)


def code_in_sentences():
    """Yield every piece of code within a sentence or a cell, with its page."""
    for page in PAGES:
        for token in _tokens(page):
            for child in token.children or ():
                if child.type == "code_inline":
                    yield _name(page), " ".join(child.content.split())


def simple_commands(text):
    """Return the commands of a line as lists of words, without redirections and operators.

    Raises `ValueError` for quotes that do not end.
    """
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    commands = [[]]
    words = iter(lexer)
    for word in words:
        if word in OPERATORS:
            commands.append([])
        elif word in REDIRECTIONS:
            next(words, None)
        else:
            commands[-1].append(word)
    return [words for words in map(_without_assignments, commands) if words]


def _without_assignments(words):
    while words and ASSIGNMENT.match(words[0]):
        words = words[1:]
    return words


def _on_page(page):
    for token in _tokens(page):
        if token.type == "fence" and token.info.strip().split(" ")[0] in SHELLS:
            yield from _in_block(_name(page), token.map[0] + 2, token.content)
        for child in token.children or ():
            words = child.content.split()
            if child.type == "code_inline" and len(words) > 1:
                first = _without_assignments(words)[:1]
                if first and first[0] in PROGRAMS:
                    line = (token.map or [0])[0] + 1
                    yield Shown(_name(page), line, " ".join(words), typed=False)


def _in_block(page, first, content):
    joined = content.replace("\\\n", " \0")
    for offset, line in enumerate(joined.splitlines()):
        text = line.replace("\0", "").strip().removeprefix("$ ")
        if text and not text.startswith("#"):
            yield Shown(page, first + offset, text, typed=True)


@cache
def _tokens(page):
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def _name(page):
    return page.relative_to(REPOSITORY).as_posix()
