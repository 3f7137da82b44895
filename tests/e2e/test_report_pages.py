"""Every report page in a real browser: drawn, legible, usable by keyboard and screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from support.browser import HEIGHT, PHONE, Visit, chromium, needs_chromium, visit
from support.pages import PAGES
from unit.reports.run_results import replay_result

from workbench.reports.run_report import write_page, write_run_report

pytestmark = needs_chromium

DRAWN = "() => document.querySelectorAll('.js-plotly-plot').length"
LEAST_TEXT = 12.0
"""CSS pixels."""
STOPS = 8
"""Of the Tab key."""
FOR_FINGERS = ("target-size", "scrollable-region-focusable")


# Not longer than this module: playwright's loop would stand in the way of other tests' own.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def page_of(tmp_path_factory: pytest.TempPathFactory):
    """Return what writes a page's file once."""
    folder = tmp_path_factory.mktemp("pages")

    def written(name: str) -> Path:
        path = folder / f"{name}.html"
        return path if path.exists() else write_page(PAGES[name](), path)

    return written


def assert_legible(seen: Visit) -> None:
    """Check everything that depends on width and colours."""
    assert seen.empty_charts == []
    assert seen.faint_text == []
    assert seen.small_text(LEAST_TEXT) == []
    assert seen.overflow <= 0


def assert_structured(seen: Visit) -> None:
    """Check what a screen reader needs, beyond what axe looks at."""
    structure = seen.structure
    assert structure.pop("title").startswith("Pumpwatch ")
    assert structure == {
        "language": "en",
        "firsts": 1,
        "skips": False,
        "landmarks": ["header", "nav", "main", "footer"],
        "headless": 0,
        "unscoped": 0,
    }
    assert seen.wordless_charts == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_legible_usable_and_quiet(browser: Browser, page_of, name: str):
    path = page_of(name)
    with visit(browser, path) as seen:
        assert_structured(seen)
        assert seen.hidden_focus(STOPS) == []
        seen.show_all()
        assert_legible(seen)
        assert seen.violations() == []
        seen.scheme("dark")
        assert_legible(seen)
        seen.screen(PHONE)
        assert_legible(seen)
        assert seen.violations(*FOR_FINGERS) == []
        seen.scheme("light")
        assert_legible(seen)
        assert seen.problems == []
        assert [one for one in seen.requested if not one.startswith("data:")] == [path.as_uri()]


def test_charts_wait_for_a_reader_follow_the_scheme_and_are_dark_on_paper(
    browser: Browser, tmp_path: Path
):
    path = write_run_report(replay_result(7), tmp_path / "page.html")
    line = "() => document.querySelector('[data-figure=equity] .js-line').style.stroke"
    ground = "() => getComputedStyle(document.body).backgroundColor"
    with visit(browser, path) as seen:
        seen.page.wait_for_selector("[data-figure=equity] .js-line")
        assert 0 < seen.run(DRAWN) <= 3
        light = (seen.run(line), seen.run(ground))
        seen.scheme("dark")
        assert (seen.run(line), seen.run(ground)) == ("rgb(127, 182, 247)", "rgb(19, 22, 25)")
        seen.page.click("a[href='#event-6']")
        seen.page.wait_for_selector("#event-6 .js-plotly-plot")
        top = seen.run("() => document.querySelector('#event-6').getBoundingClientRect().top")
        assert 0 <= top < HEIGHT
        seen.run("() => dispatchEvent(new Event('beforeprint'))")
        assert (seen.run(line), seen.run(ground)) == light
        assert seen.run(DRAWN) == seen.run(
            "() => document.querySelectorAll('[data-figure]').length"
        )
        seen.run("() => dispatchEvent(new Event('afterprint'))")
        assert seen.run(line) == "rgb(127, 182, 247)"


def test_whatever_is_broken_on_a_page_is_seen(browser: Browser, tmp_path: Path):
    text = PAGES["comparison"]()
    body, mark, data = text.partition('<script type="application/json"')
    before, bars, after = data.partition('"causes":{')
    emptied = before + bars + after.replace('"x":[', '"x":[],"was":[', 1)
    broken = (
        body.replace('<h2 id="trades">', '<img src="https://example.org/a.png"><h6 id="trades">', 1)
        .replace('class="subtitle"', 'style="color: #bbb; font-size: 9px"', 1)
        .replace("--muted: #59616a", "--muted: #b8bec4")
        .replace("<main ", '<main style="min-width: 2000px" ', 1)
        .replace(":focus-visible", ":nothing")
        .replace("a { color", "*:focus { outline: none } a { color", 1)
        .replace(' lang="en"', "", 1)
        .replace(' scope="row"', "", 1)
    )
    path = write_page(broken + mark + emptied, tmp_path / "broken.html")
    with visit(browser, path) as seen:
        seen.show_all()
        seen.run("() => console.error('a mistake')")
        assert seen.empty_charts == ["causes"]
        assert {"journal", "simulation"} <= set(seen.faint_text)
        assert any(one.startswith("2") or "UTC" in one for one in seen.small_text(LEAST_TEXT))
        assert seen.overflow > 0
        found = " ".join(seen.violations())
        for rule in ("color-contrast", "image-alt", "html-has-lang", "heading-order"):
            assert rule in found, rule
        structure = seen.structure
        assert (structure["language"], structure["skips"]) == ("", True)
        assert structure["unscoped"] == 1
        assert seen.hidden_focus(3)
        assert "error: a mistake" in seen.problems
        assert any("example.org" in one for one in seen.problems + seen.requested)
