"""Pages that are made from the code are current, and every page is in the site's menu."""

import re

import pytest
import yaml
from support.documented import PAGES, REPOSITORY

from tools.documentation.command_line import command_line_page, commands
from tools.documentation.pages import GENERATED
from tools.documentation.source import PUBLISHED

NOTEBOOKS = sorted(REPOSITORY.glob("docs/notebooks/*.ipynb"))
PATHS = {page.relative_to(REPOSITORY).as_posix(): page for page in PAGES}


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose other tags do not matter here."""


def menu(entries):
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for value in entry.values():
                yield from menu([value] if isinstance(value, str) else value)


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_generated_page_is_current(page):
    assert page.read_text(encoding="utf-8") == GENERATED[page](), "run make pages"


def test_every_page_is_in_the_menu_once():
    """`make docs` says the same, later: here it costs nothing."""
    settings = yaml.load((REPOSITORY / "mkdocs.yml").read_text("utf-8"), Loader)  # noqa: S506
    published = [
        path for path in PATHS if path.startswith("docs/") or "/" not in path or path in PUBLISHED
    ]
    made = [f"{path.with_suffix('.md').relative_to(REPOSITORY)}" for path in NOTEBOOKS]
    listed = sorted(menu(settings["nav"]))
    assert listed == sorted([*published, *made]), "add it to, or take it from, nav in mkdocs.yml"


@pytest.mark.parametrize("path", [path for path in PATHS if path.startswith("docs/")])
def test_page_has_a_title_and_says_at_its_top_what_it_answers(path):
    title, first, *_ = filter(None, PATHS[path].read_text(encoding="utf-8").splitlines())
    assert title.startswith("# ")
    assert re.match(r"[\w`[(]", first) or first in {"## Context", "## Meaning"}, first


def test_command_line_page_has_every_command_and_option():
    sections = dict(part.split("\n", 1) for part in command_line_page().split("\n## ")[1:])
    for name, command in commands():
        assert "Example:" not in sections[name], "examples have a block of their own"
        for parameter in command.params:
            if getattr(parameter, "hidden", False) is not True:
                words = (parameter.opts[0].lstrip("-"), parameter.metavar or "")
                assert any(word in sections[name] for word in words if word), parameter.name


def test_pages_that_code_and_chart_name_exist():
    folders = ("layers", "pumpwatch_workbench", "functions", "k8s-monitoring", "benchmarks")
    named = {
        page
        for folder in folders
        for path in (REPOSITORY / folder).rglob("*")
        if path.suffix in {".py", ".txt", ".yaml", ".yml"}
        for page in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text(encoding="utf-8"))
    }
    assert named
    assert [page for page in sorted(named) if not (REPOSITORY / page).is_file()] == []
