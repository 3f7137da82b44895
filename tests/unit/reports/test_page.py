from __future__ import annotations

import base64
import hashlib
import json
import re
import stat
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path

import pytest
from support.pages import PAGES
from unit.reports.run_results import replay_result, small_result

from pumpwatch.errors import BadInput
from pumpwatch_workbench.pages.assembly import script_json
from pumpwatch_workbench.pages.files import check_report_path
from pumpwatch_workbench.play.run.page import CHARTS_AT_MOST, render_page, write_run_report
from pumpwatch_workbench.play.run.result import RunResult

TRADINGVIEW = "https://www.tradingview.com/"
VOID = {"meta", "link", "br", "img", "path", "circle"}


class Page(HTMLParser):
    """Collects what a browser would see, and fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.headings: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if tag == "script":
            self.scripts.append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"{tag} closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data
        elif not self.open or self.open[-1] != "style":
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def ids(self) -> list[str]:
        return [value for _, found in self.attributes if (value := found.get("id"))]

    def values(self, name: str) -> list[str]:
        return [value for _, found in self.attributes if (value := found.get(name)) is not None]


@pytest.fixture(scope="module")
def small_page() -> Page:
    return Page(render_page(small_result()))


def results() -> list[RunResult]:
    small = small_result()
    nothing = replace(
        small, planted=(), events=(), trades=(), equity=(), tick_seconds=(), candles={}
    )
    return [small, replay_result(4), nothing, replace(small, invariants_broken=("one", "two"))]


@pytest.mark.parametrize("number", range(4))
def test_the_page_is_well_formed_and_names_nothing_twice(number: int):
    assert_well_formed(render_page(results()[number]))


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_well_formed_and_has_a_figure_for_each_chart(name: str):
    page = assert_well_formed(PAGES[name]())
    data = [script for script in page.scripts if script.startswith("{")]
    charts = json.loads(data[0]) if data else {}
    assert sorted(charts) == sorted(page.values("data-figure"))
    images = [found for _, found in page.attributes if found.get("role") == "img"]
    assert len(images) >= len(charts)
    assert all(found["aria-label"] for found in images)


def assert_well_formed(text: str) -> Page:
    page = Page(text)
    assert len(page.ids()) == len(set(page.ids()))
    links = [value[1:] for value in page.values("href") if value.startswith("#")]
    assert set(links) | set(page.values("aria-labelledby")) <= set(page.ids())
    assert page.headings[0] == "h1"
    assert page.headings.count("h1") == 1
    return page


def test_the_page_asks_for_nothing_outside_itself(small_page: Page):
    for name in ("src", "href", "srcset", "action", "data", "poster"):
        for value in small_page.values(name):
            assert value.startswith(("#", "data:")) or value == TRADINGVIEW
    text = render_page(small_result())
    style = text[text.index("<style>") : text.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    own_scripts = [script for script in small_page.scripts if "TradingView" not in script[:200]]
    assert len(own_scripts) == 3
    assert not any("http" in script for script in own_scripts)


def test_the_policy_lets_only_the_pages_own_scripts_run_and_nothing_load(small_page: Page):
    policy = next(value for value in small_page.values("content") if "default-src" in value)
    assert "default-src 'none'" in policy
    assert "connect-src" not in policy
    programs = [script for script in small_page.scripts if not script.startswith("{")]
    assert len(programs) == 3
    for script in programs:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy


def test_the_page_is_small_without_its_data_and_names_who_made_its_charts():
    page = render_page(replay_result(CHARTS_AT_MOST + 20))
    assert page.count("TradingView Lightweight Charts") == 1
    assert TRADINGVIEW in Page(page).values("href")
    data = max((script for script in Page(page).scripts if script.startswith("{")), key=len)
    assert len(page.encode()) - len(data.encode()) < 600_000
    assert "20 further events only in the table" in page
    assert page.count('data-figure="event-') == CHARTS_AT_MOST


def test_the_page_says_at_its_top_that_profit_proves_nothing(small_page: Page):
    assert "Profit on a simulated market proves nothing." in small_page.text
    place = small_page.text.index("proves nothing")
    assert place < small_page.text.index("Pumps detected")
    replayed = Page(render_page(replay_result(3))).text
    assert "these pairs could not be shorted" in replayed
    assert "no data on funding or borrowing" in replayed
    assert replayed.index("hypothetical") < replayed.index("Pumps detected")


def test_invariants_are_said_in_words_not_only_in_colour(small_page: Page):
    assert "Invariants: held" in small_page.text
    broken = Page(
        render_page(replace(small_result(), invariants_broken=("AAAUSDT had two entries",)))
    )
    assert "Invariants: 1 broken" in broken.text
    assert "AAAUSDT had two entries" in broken.text
    assert "Invariants: held" not in broken.text


def test_all_events_are_in_the_table_missed_and_false_ones_too(small_page: Page):
    for words in ("Detected", "Early", "Missed", "False alarm", "not entered", "no trade"):
        assert words in small_page.text
    assert "the total exposure would exceed 2000 USDT" in small_page.text
    assert small_page.values("href").count("#event-3") == 1


def test_the_replay_page_gives_segments_and_what_was_left_out():
    text = Page(render_page(replay_result(3))).text
    assert "segment 002" in text
    assert "only 19 of 25 hours before the onset" in text


def test_hostile_text_is_shown_and_never_run():
    hostile = "</script><img src=x onerror=alert(1)>&\"'"
    result = small_result()
    pump = replace(result.planted[0], symbol=hostile)
    denied = result.trades[1].with_(denial=hostile)
    changed = replace(
        result,
        planted=(pump,),
        events=(result.events[1],),
        trades=(denied,),
        candles={hostile: result.candles["AAAUSDT"], "BBBUSDT": result.candles["BBBUSDT"]},
        invariants_broken=(hostile,),
        pushgateway=hostile,
        detector=hostile,
        strategy=hostile,
    )
    page = Page(render_page(changed))
    assert not [tag for tag, _ in page.attributes if tag == "img"]
    assert page.text.count(hostile) >= 5


def test_text_inside_the_chart_data_cannot_end_its_script():
    hostile = {"name": "</script><!--<script>&\u2028\u2029"}
    text = script_json(hostile)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == hostile


def test_the_report_is_written_whole_and_nothing_else_stays(tmp_path: Path):
    path = write_run_report(small_result(), tmp_path / "build" / "run-report.html")
    assert path == tmp_path / "build" / "run-report.html"
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [found.name for found in path.parent.iterdir()] == ["run-report.html"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_failed_write_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "run-report.html"
    path.write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BadInput, match="no space left on device"):
        write_run_report(small_result(), path)
    assert path.read_text() == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["run-report.html"]


@pytest.mark.parametrize(
    "write", [check_report_path, lambda path: write_run_report(small_result(), path)]
)
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path, write):
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(BadInput, match=r"file/run-report\.html: .*; name a file in a folder"):
        write(blocked / "run-report.html")
    with pytest.raises(BadInput, match="a folder has that name"):
        write(tmp_path)


def test_the_check_before_the_run_leaves_nothing_behind(tmp_path: Path):
    check_report_path(tmp_path / "build" / "run-report.html")
    assert list((tmp_path / "build").iterdir()) == []


def test_a_trade_that_is_still_open_is_called_so():
    result = small_result()
    trade = result.trades[0].with_(exit_time=None, exit_price=None, realised_pnl=Decimal(0))
    text = Page(render_page(replace(result, trades=(trade,)))).text
    assert "0 won, 0 lost, 1 still open" in text
    assert "0.61000 0.52500 – – still open – – still open" in text  # noqa: RUF001 - no fees yet
    assert "Ended by still open" in text
