"""Pages that are made from the code are current, and every page is in the site's menu."""

import re

import pytest
import yaml
from support.documented import PAGES, REPOSITORY

from tools.documentation.command_line import command_line_page, commands, examples_of
from tools.documentation.pages import GENERATED
from tools.documentation.source import PUBLISHED


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose other tags do not matter here."""


def menu(entries):
    for entry in entries:
        if isinstance(entry, str):
            yield entry
        else:
            for value in entry.values():
                yield from [value] if isinstance(value, str) else menu(value)


@pytest.mark.parametrize("page", GENERATED, ids=lambda page: page.name)
def test_generated_page_is_current(page):
    assert page.read_text(encoding="utf-8") == GENERATED[page](), "run make pages"


def test_every_page_is_in_the_menu_once():
    """`make docs` says the same, later: here it costs nothing."""
    settings = yaml.load((REPOSITORY / "mkdocs.yml").read_text("utf-8"), Loader)  # noqa: S506
    listed = list(menu(settings["nav"]))
    published = [
        page.relative_to(REPOSITORY).as_posix()
        for page in PAGES
        if page.relative_to(REPOSITORY).as_posix().startswith("docs/")
        or page.parent == REPOSITORY
        or page.relative_to(REPOSITORY).as_posix() in PUBLISHED
    ]
    assert sorted(listed) == sorted(published), "add it to, or take it from, nav in mkdocs.yml"


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.is_relative_to(REPOSITORY / "docs")],
    ids=lambda page: page.relative_to(REPOSITORY).as_posix(),
)
def test_page_has_a_title_and_says_at_its_top_what_it_answers(page):
    title, first, *_ = [line for line in page.read_text(encoding="utf-8").splitlines() if line]
    assert title.startswith("# ")
    assert re.match(r"[\w`[(]", first) or first in {"## Context", "## Meaning"}, first


def test_command_line_page_has_every_command_and_option():
    page = command_line_page()
    for name, command in commands():
        assert f"\n## {name}\n" in page
        section = page.split(f"\n## {name}\n")[1].split("\n## ")[0]
        for parameter in command.params:
            if getattr(parameter, "hidden", False) is not True:
                assert parameter.opts[0].lstrip("-") in section or parameter.metavar in section


def test_examples_are_taken_out_of_the_help():
    found = dict(commands())
    examples = examples_of(found["paper"])
    assert examples
    assert all(one.startswith("pumpwatch paper") for one in examples)
    assert "Example" not in found["paper"].help


def test_pages_that_code_and_chart_name_exist():
    folders = (
        "layers/pumpwatch",
        "pumpwatch_workbench",
        "functions",
        "k8s-monitoring",
        "benchmarks",
    )
    files = [path for folder in folders for path in (REPOSITORY / folder).rglob("*")]
    named = {
        page
        for path in files
        if path.suffix in {".py", ".txt", ".yaml", ".yml"}
        for page in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text(encoding="utf-8"))
    }
    assert named
    assert [page for page in sorted(named) if not (REPOSITORY / page).is_file()] == []
