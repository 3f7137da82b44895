"""Every report page in a real browser: drawn, legible, usable by keyboard and screen reader."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.browser import HEIGHT, PHONE, Reader, needs_chromium, reader
from support.pages import PAGES
from unit.reports.run_results import replay_result

from pumpwatch_workbench.play.run.page import render_page

pytestmark = needs_chromium

DRAWN = "() => document.querySelectorAll('.js-plotly-plot').length"
LEAST_TEXT = 12.0
"""CSS pixels."""
STOPS = 8
"""Of the Tab key."""


# Not longer than this module: playwright's loop would stand in the way of other tests' own.
@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with reader(tmp_path_factory.mktemp("pages")) as opened:
        yield opened


def assert_legible(seen: Reader) -> None:
    """Check everything that depends on width and colours."""
    assert seen.empty_charts == []
    assert seen.faint_text == []
    assert seen.small_text(LEAST_TEXT) == []
    assert seen.cut_tables == []
    assert seen.overflow <= 0


def assert_structured(seen: Reader) -> None:
    """Check what a screen reader needs, beyond what axe looks at."""
    landmarks = ["header", "nav", "main", "footer"]
    assert seen.structure == {"landmarks": landmarks, "headless": 0, "unscoped": 0}
    assert seen.wordless_charts == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_drawn_legible_usable_and_quiet(seen: Reader, name: str):
    seen.open(PAGES[name]())
    assert_structured(seen)
    assert seen.hidden_focus(STOPS) == []
    seen.show_all()
    assert_legible(seen)
    assert seen.violations(contrast=name == "empty journal") == []
    seen.scheme("dark")
    assert_legible(seen)
    seen.screen(PHONE)
    assert_legible(seen)
    seen.scheme("light")
    assert_legible(seen)
    assert seen.problems == []
    fetched = [one for one in seen.requested if not one.startswith("data:")]
    assert fetched == [seen.address.as_uri()]


def test_charts_wait_for_a_reader_follow_the_scheme_and_are_dark_on_paper(seen: Reader):
    line = "() => document.querySelector('[data-figure=equity] .js-line').style.stroke"
    ground = "() => getComputedStyle(document.body).backgroundColor"
    seen.open(render_page(replay_result(7)))
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
    assert seen.run(DRAWN) == seen.run("() => document.querySelectorAll('[data-figure]').length")
    seen.run("() => dispatchEvent(new Event('afterprint'))")
    assert seen.run(line) == "rgb(127, 182, 247)"


def test_whatever_is_broken_on_a_page_is_seen(seen: Reader):
    body, mark, data = PAGES["comparison"]().partition('<script type="application/json"')
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
        .replace('role="img" aria-label="The amounts', 'role="img" title="The amounts', 1)
    )
    seen.open(broken + mark + emptied)
    seen.show_all()
    seen.run("() => console.error('a mistake')")
    assert seen.empty_charts == ["causes"]
    assert seen.wordless_charts == ["causes"]
    assert {"journal", "simulation"} <= set(seen.faint_text)
    assert any("UTC" in one for one in seen.small_text(LEAST_TEXT))
    assert seen.overflow > 0
    seen.run("() => document.querySelector('td').append('x'.repeat(300))")
    assert seen.cut_tables == ["Table: Side by side"]
    violated = " ".join(seen.violations(contrast=True))
    for rule in ("color-contrast", "image-alt", "html-has-lang", "heading-order"):
        assert rule in violated, rule
    assert seen.structure["unscoped"] == 1
    assert seen.hidden_focus(3)
    assert "error: a mistake" in seen.problems
    assert any("example.org" in one for one in seen.problems)
    assert "https://example.org/a.png" in seen.requested
