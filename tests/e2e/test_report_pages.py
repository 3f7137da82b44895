"""Every report page in a real browser: drawn, legible, usable by keyboard and screen reader."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from support.browser import HEIGHT, PHONE, SETTLED, Reader, needs_chromium, reader
from support.pages import PAGES
from unit.reports.run_results import MINUTE, replay_result, small_result

from pumpwatch_workbench.pages.candle_charts import candle_chart
from pumpwatch_workbench.pages.chart_script import chart_script, drawing_script
from pumpwatch_workbench.play.run.page import render_page

pytestmark = needs_chromium

DRAWN = "() => document.querySelectorAll('[data-figure] table').length"
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


PAINTED = """(name) => {
  const all = [...document.querySelectorAll(`[data-figure=${name}] canvas`)];
  const [canvas] = all.sort((a, b) => b.width - a.width);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const colours = new Set();
  for (let at = 0; at < data.length; at += 4) colours.add(data.slice(at, at + 3).join());
  return [...colours];
}"""
"""Every colour of a chart."""
LIGHT, DARK = "26,90,163", "127,182,247"
"""--trade in either scheme."""


def test_charts_wait_for_a_reader_follow_the_scheme_and_are_light_on_paper(seen: Reader):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    seen.open(render_page(replay_result(7)))
    seen.page.wait_for_selector("[data-figure=equity] table")
    seen.run(SETTLED)
    assert 0 < seen.run(DRAWN) <= 3
    assert LIGHT in seen.run(PAINTED, "equity")
    seen.scheme("dark")
    assert DARK in seen.run(PAINTED, "equity")
    assert seen.run(ground) == "rgb(13, 16, 19)"
    seen.page.click("a[href='#event-6']")
    seen.page.wait_for_selector("#event-6 table")
    top = seen.run("() => document.querySelector('#event-6').getBoundingClientRect().top")
    assert 0 <= top < HEIGHT
    seen.run("() => dispatchEvent(new Event('beforeprint'))")
    seen.run(SETTLED)
    assert LIGHT in seen.run(PAINTED, "equity")
    assert seen.run(DRAWN) == seen.run("() => document.querySelectorAll('[data-figure]').length")
    seen.run("() => dispatchEvent(new Event('afterprint'))")
    seen.run(SETTLED)
    assert DARK in seen.run(PAINTED, "equity")


SHOWN = """() => {
  const scale = chart.library.timeScale(), { from, to } = scale.getVisibleLogicalRange();
  return [from, to].map((place) => Math.round(place));
}"""


def test_a_chart_shows_the_trade_first_all_of_it_at_a_key_and_what_is_new(seen: Reader):
    candles = list(small_result().candles["AAAUSDT"])
    start = candles[0].open_time
    del candles[30:33]
    data = candle_chart(candles) | {"window": [start + 10 * MINUTE, start + 40 * MINUTE]}
    data["whole"] = [start, start + 81 * MINUTE]
    scripts = f"<script>{chart_script()}</script><script>{drawing_script()}</script>"
    style = "<style>:root { --surface: #ffffff; --good: #17733f; --bad: #b3261e }</style>"
    seen.open(f"{style}<div id=here style='height: 300px'><div role=img></div></div>{scripts}")
    seen.run("(data) => { window.chart = pumpwatchCharts.draw(here, data); }", candle_chart(()))
    seen.page.mouse.move(1000, 150)
    seen.run(SETTLED)
    seen.run("(data) => chart.update(data)", data)
    seen.run(SETTLED)
    assert seen.run(SHOWN) == [10, 40]  # the missing minutes have their places
    assert seen.run("() => here.querySelectorAll('[role=img] button').length") == 0
    seen.page.keyboard.press("Tab")
    seen.page.keyboard.press("Enter")
    seen.run(SETTLED)
    assert seen.run(SHOWN) == [0, 81]
    seen.page.mouse.move(200, 150)
    assert re.search(r"\d\d:\d\d  O 0\.\d{5}  H .* %  [\d,]+ USDT", seen.page.inner_text("#here"))
    drawn = seen.page.query_selector("#here canvas")
    later = dict(data, whole=[start, start + 91 * MINUTE])
    seen.run("(data) => chart.update(data)", later)
    seen.run(SETTLED)
    assert seen.run(SHOWN)[1] == 91
    assert drawn is not None
    assert drawn.evaluate("(node) => node.isConnected")
    seen.page.keyboard.press("Enter")
    assert seen.run(SHOWN) == [10, 40]
    seen.run("() => chart.remove()")
    assert seen.run("() => here.querySelectorAll('*').length") == 1
    assert seen.problems == []


def test_whatever_is_broken_on_a_page_is_seen(seen: Reader):
    body, mark, data = PAGES["comparison"]().partition('<script type="application/json"')
    emptied = re.sub(r'"points":\[\[.*?\]\]', '"points":[]', data)
    broken = (
        body.replace('<h2 id="trades">', '<img src="https://example.org/a.png"><h6 id="trades">', 1)
        .replace('class="subtitle"', 'style="color: #bbb; font-size: 9px"', 1)
        .replace("--muted: light-dark(#566069", "--muted: light-dark(#b8bec4")
        .replace("<main ", '<main style="min-width: 2000px" ', 1)
        .replace(":focus-visible", ":nothing")
        .replace("a { color", "*:focus { outline: none } a { color", 1)
        .replace(' lang="en"', "", 1)
        .replace(' scope="row"', "", 1)
        .replace('role="img" aria-label="Realised', 'role="img" title="Realised', 1)
    )
    seen.open(broken + mark + emptied)
    seen.show_all()
    seen.run("() => console.error('a mistake')")
    assert seen.empty_charts == ["profit"]
    assert seen.wordless_charts == ["profit"]
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
