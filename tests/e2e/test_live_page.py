"""The live page in a real browser, over its own server: seen, heard, and acted on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from support.browser import DESKTOP, PHONE, Reader, needs_chromium, reader
from support.live_state import NOW, canned_candles, canned_state
from support.records import a_signal
from support.watched import a_store

from pumpwatch_workbench.dashboard import app
from pumpwatch_workbench.dashboard.serve import serving
from pumpwatch_workbench.dashboard.sources import StoreSource
from pumpwatch_workbench.local.store import (
    Database,
    SqliteHaltStore,
    SqliteSignalStore,
)

pytestmark = needs_chromium
TOKEN = "a-token-of-the-tests"
TO_SCROLL = "() => document.documentElement.scrollHeight - innerHeight"
NEW_ROWS = """() => [...document.querySelectorAll("#events li")]
  .filter((row) => !row.marked).length"""
NOBODY = "http://127.0.0.1:9"
HOSTILE = "<img src=x onerror=alert(1)>USDT"


class CannedSource:
    """A source whose state a test says; it is drawn as it is."""

    kind, can_act, seconds = "store", True, 0.05

    def __init__(self) -> None:
        self.state, self.minutes = canned_state(), 80
        self.told: list[tuple[str, str, list[str]]] = []
        self._seen: dict[str, Any] = {}

    def changed(self) -> bool:
        before, self._seen = self._seen, deepcopy(self.state)
        return before != self._seen

    def read(self) -> Any:
        return deepcopy(self.state) | {"now": NOW}

    def chart(self, event_id: str) -> dict[str, Any]:
        chart = canned_candles(len(event_id))
        return chart | {"candles": chart["candles"][: self.minutes]}

    def act(self, action: str, reason: str, names: list[str]) -> str:
        self.told.append((action, reason, names))
        return "Done as asked."


@contextmanager
def served(source: Any, port: int = 0) -> Iterator[str]:
    page = app.page_app(source, token=TOKEN, address="127.0.0.1")
    with serving(page, "127.0.0.1", port, option="--port") as url:
        yield url


# Not longer than this module: playwright's loop would stand in the way of other tests' own.
@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with reader(tmp_path_factory.mktemp("live"), offline=False) as opened:
        opened.page.set_default_timeout(10_000)
        yield opened


@pytest.fixture
def canned() -> CannedSource:
    return CannedSource()


@pytest.fixture
def seen(browser: Reader) -> Iterator[Reader]:
    """The browser; whatever a test did, nothing was complained of or asked of others."""
    browser.problems, browser.requested = [], []
    browser.screen(DESKTOP)
    yield browser
    assert browser.problems == []
    strangers = [
        url
        for url in browser.requested
        if not url.startswith(("http://127.0.0.1", "data:", "about:"))
    ]
    assert strangers == []


def opened(seen: Reader, url: str) -> None:
    seen.page.goto(f"{url}/?token={TOKEN}")
    seen.page.wait_for_selector("#band:not([data-level=none])")


@contextmanager
def looked_at(seen: Reader, source: Any) -> Iterator[None]:
    """Serve a source to the browser, which leaves before the server does."""
    with served(source) as url:
        opened(seen, url)
        yield
        seen.page.goto("about:blank")


def words(seen: Reader, selector: str) -> str:
    return " ".join(seen.page.inner_text(selector).split())


def wait_for(true: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)


def wait_for_words(seen: Reader, selector: str, text: str) -> None:
    seen.page.wait_for_function(
        "([place, text]) => document.querySelector(place).innerText.includes(text)",
        arg=[selector, text],
    )


def test_a_busy_page_is_complete_legible_and_accessible(seen: Reader, canned: CannedSource):
    with looked_at(seen, canned):
        page = seen.page
        page.wait_for_selector("#candles canvas")
        assert words(seen, "#safety").startswith("Safe Watching; 3 open, each with its stop")
        assert page.title() == "+1.97 · paper Pumpwatch"
        counts = {
            name: page.locator(f"#{name} > *").count() for name in ("positions", "events", "movers")
        }
        assert counts == {"positions": 3, "events": 50, "movers": 20}
        first = words(seen, "#positions > :first-child")
        for part in (
            "DOGEUSDT",
            "short",
            "1,250 at 0.082110",
            "stop 0.084300",
            "target 0.077020",
            "+2.71",
            "4:3",
        ):
            assert part in first
        assert "no trade so far" in words(seen, "#events > :first-child")
        assert "13 traded, 37 not" in words(seen, "#traded")
        assert "not traded: 3 positions are open" in words(seen, "#events > :nth-child(3)")
        assert (
            page.get_attribute("#exchange", "href") == "https://www.bybit.com/trade/usdt/PUMPUSDT"
        )
        # All that matters is in one window; a phone scrolls, and only downwards.
        assert seen.run(TO_SCROLL) <= 0
        # Rows are all alike: axe needs to look at a few.
        for name in ("events", "positions"):
            canned.state[name] = canned.state[name][:3]
        for name in ("movers", "judged"):
            canned.state["market"][name] = canned.state["market"][name][:3]
        page.wait_for_function("() => document.querySelectorAll('#events > *').length === 3")
        for width in (DESKTOP, PHONE):
            seen.screen(width)
            for scheme in ("light", "dark"):
                seen.scheme(scheme)
                assert seen.overflow <= 0
                assert (seen.small_text(12.0), seen.violations(contrast=True)) == ([], [])


def test_only_what_changes_is_drawn_anew_and_what_is_chosen_stays(
    seen: Reader, canned: CannedSource
):
    with looked_at(seen, canned):
        page = seen.page
        page.focus("#events button")
        page.keyboard.press("ArrowDown")
        assert "DOGEUSDT" in words(seen, "#event-title")
        seen.run(
            "() => document.querySelectorAll('li, tr').forEach((row) => { row.marked = true; })"
        )
        newest = canned.state["events"][0] | {"id": "newer", "symbol": HOSTILE, "why_not": HOSTILE}
        canned.state["events"] = [newest, *canned.state["events"]]
        canned.state["positions"][0]["price"] = "0.0780"
        wait_for_words(seen, "#events > :first-child", "onerror")
        assert seen.run(NEW_ROWS) == 1
        assert "0.078000" in words(seen, "#positions > :first-child")
        assert HOSTILE in words(seen, "#news")
        assert "DOGEUSDT" in words(seen, "#event-title")
        assert "DOGEUSDT" in seen.run("() => document.activeElement.textContent")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowUp")
        assert words(seen, "#event-title") == HOSTILE
        assert page.locator("img").count() == 0


def test_candles_move_on_also_under_the_pointer(seen: Reader, canned: CannedSource):
    with looked_at(seen, canned):
        page = seen.page
        page.wait_for_selector("#candles canvas")
        box = page.locator("#candles").bounding_box()
        assert box is not None
        for share in (0.62, 0.70):
            page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
            canned.minutes += 5
            with page.expect_response("**/candles/*"):
                canned.state["market"]["time"] += 1
        page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2 + 2)
        wait_for_words(seen, "#candles", "USDT")


def test_what_is_wrong_is_said_first_and_what_is_missing_is_explained(
    seen: Reader, canned: CannedSource
):
    canned.state |= {"events": [], "positions": []}
    canned.state["market"] |= {
        "movers": [],
        "judged": [],
        "symbols": 598,
        "counts": {"warming_up": 34},
    }
    canned.state["about"] |= {"can_act": False, "option": "--stack pumpwatch"}
    with looked_at(seen, canned):
        assert "598 symbols are watched, 34 of them still warming up" in words(seen, "#pumps")
        assert "No open position. Entries are allowed." in words(seen, "#trades")
        assert 'pumpwatch halt --stack pumpwatch --reason "…"' in words(seen, "#details")
        assert not seen.page.is_visible("#halt")
        canned.state["safety"] |= {
            "without_stop": 2,
            "level": "bad",
            "sentence": "Open without a stop: A, B",
        }
        wait_for_words(seen, "#level", "2 without stop")
        assert seen.page.title() == "2 without stop · paper Pumpwatch"
        canned.state["safety"] |= {"without_stop": 0, "running": False, "level": "warning"}
        wait_for_words(seen, "#level", "Not running")
        assert "Nothing runs. Start it: pumpwatch paper" in words(seen, "#market")
        assert seen.violations(contrast=True) == []


def test_a_lost_connection_is_never_a_picture_that_looks_alive(seen: Reader, canned: CannedSource):
    with served(canned) as url:
        opened(seen, url)
    wait_for_words(seen, "#level", "Connection lost")
    assert "all below is old" in words(seen, "#sentence")
    assert (
        seen.run("() => getComputedStyle(document.querySelector('main')).filter") == "grayscale(1)"
    )
    assert seen.page.is_disabled("#halt")
    assert seen.page.is_disabled(".close >> nth=0")
    canned.state["account"]["equity"] = "10101.01"
    with served(canned, int(url.rpartition(":")[2])):
        wait_for_words(seen, "#level", "Safe")
        wait_for_words(seen, "#equity", "10,101.01")
        seen.page.goto("about:blank")
    # The refused connections are the browser's own words.
    assert all("ERR_" in problem for problem in seen.problems)
    seen.problems = []


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Database]:
    """A desk's store: it runs, has seen two pumps, and trades the newer."""
    with a_store(tmp_path / "paper.db", base_url=NOBODY) as database:
        yield database


def test_halt_resume_and_close_reach_the_store_by_keyboard_and_by_mouse(
    seen: Reader, desk: Database
):
    source, halts = StoreSource(desk.path), SqliteHaltStore(desk)
    with looked_at(seen, source):
        page = seen.page
        for _ in range(4):  # the skip link, and then the first button of the page
            page.keyboard.press("Tab")
            if seen.run("() => document.activeElement.id") == "halt":
                break
        page.keyboard.press("Enter")
        assert "nothing is opened" in words(seen, "#ask")
        assert seen.violations(contrast=True) == []
        page.keyboard.press("Escape")
        assert seen.run("() => document.activeElement.id") == "halt"
        page.keyboard.press("Enter")
        page.keyboard.type("no")
        page.keyboard.press("Enter")
        assert page.is_disabled("#ask-yes")
        page.keyboard.type("thing <b>fits</b>")
        page.keyboard.press("Enter")
        wait_for(halts.current)
        assert halts.current().reason == "nothing <b>fits</b>"
        assert "dashboard" in halts.current().by
        wait_for_words(seen, "#level", "Halted")
        assert "nothing <b>fits</b>" in words(seen, "#sentence")
        assert page.title().startswith("Halted")

        page.click("#halt")
        page.fill("#ask-reason", "looked at it")
        page.click("#ask-yes")
        wait_for(lambda: halts.current() is None)
        wait_for_words(seen, "#halt", "Halt…")

        page.click("#positions .close")
        assert "short 45.5 at 2.1000" in words(seen, "#positions")
        assert "closes 45.5 at market" in words(seen, "#ask-what")
        page.fill("#ask-reason", "delisting rumour")
        page.click("#ask-yes")
        wait_for(lambda: halts.instructions().to_close)
        (request,) = halts.instructions().to_close.values()
        assert request.reason == "delisting rumour"
        wait_for_words(seen, "#positions .close", "Closing")
        assert page.is_disabled("#positions .close")
    source.close()


def test_a_store_that_grows_is_seen_while_it_is_watched(seen: Reader, desk: Database):
    source = StoreSource(desk.path)
    with looked_at(seen, source):
        assert "the spread is too wide" in words(seen, "#events > :last-child")
        now = time.time_ns() // 1_000_000
        SqliteSignalStore(desk).publish(a_signal(HOSTILE, event_id="hostile", time=now))
        wait_for_words(seen, "#events", HOSTILE)
        assert seen.page.locator("img").count() == 0
    source.close()
