"""The report in a real browser: it draws, fits the screen, follows the colours, fetches nothing."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import websocket
from support.journals import a_period
from unit.reports.run_results import replay_result, small_result

from workbench.journal.figures import figures_of
from workbench.reports.journal_page import render_journal
from workbench.reports.run_report import write_page, write_run_report
from workbench.run.result import RunResult

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on PATH")

PHONE, DESKTOP = 390, 1280
HEIGHT = 844
DRAWN = "document.querySelectorAll('.js-plotly-plot').length"
# The observer answers within a frame; charts are drawn from 400 pixels off the screen.
SCROLL_THROUGH = """(async () => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 20)));
  for (let y = 0; y < document.documentElement.scrollHeight; y += 800) {
    scrollTo(0, y);
    await frame();
  }
})()"""


def pause(milliseconds: int) -> str:
    return f"new Promise((done) => setTimeout(done, {milliseconds}))"


class Browser:
    """A headless Chromium, spoken to over its debugging socket."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        self.requested: list[str] = []
        self.problems: list[str] = []
        self._last = 0
        address = ""
        for line in process.stderr:
            if found := re.search(r"DevTools listening on (ws://\S+)", line):
                address = found[1]
                break
        assert address, "the browser did not start"
        self._socket = websocket.create_connection(address, suppress_origin=True, timeout=60)
        self._session: str | None = None

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._last:
                assert "error" not in answer, answer
                return answer["result"]
            self._note(answer.get("method", ""), answer.get("params", {}))

    def new_page(self, *, width: int) -> None:
        self._session = None
        self.requested, self.problems = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        phone = width == PHONE
        screen = {"width": width, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": phone}
        self.call("Emulation.setDeviceMetricsOverride", **screen)
        self.call("Emulation.setTouchEmulationEnabled", enabled=phone)
        scheme = {"name": "prefers-color-scheme", "value": "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def show(self, page: Path) -> None:
        self.call("Page.navigate", url=page.as_uri())
        self.run(
            "new Promise((done) => document.readyState === 'complete' ? done()"
            " : addEventListener('load', done))"
        )

    def run(self, script: str) -> Any:
        result = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def screenshot(self) -> bytes:
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def close(self) -> None:
        self._session = None
        self.call("Browser.close")
        self._socket.close()

    def _note(self, method: str, parameters: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requested.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(str(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.problems.append(parameters["entry"]["text"])


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    assert CHROMIUM is not None
    home = tmp_path_factory.mktemp("browser")
    command = [CHROMIUM, "--headless=new", "--disable-gpu", "--disable-background-networking"]
    command += ["--no-first-run", "--remote-debugging-port=0", f"--user-data-dir={home}"]
    if os.geteuid() == 0:
        command.append("--no-sandbox")
    environment = os.environ | {"HOME": str(home)}
    with subprocess.Popen(
        [*command, "about:blank"], stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            found = Browser(process)
            yield found
            found.close()
            process.wait(timeout=20)
        finally:
            process.kill()


def opened(browser: Browser, folder: Path, result: RunResult, width: int) -> Path:
    page = write_run_report(result, folder / "page.html")
    browser.new_page(width=width)
    browser.show(page)
    return page


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_page_draws_every_chart_without_scrolling_sideways_or_fetching_anything(
    browser: Browser, tmp_path: Path, width: int
):
    page = opened(browser, tmp_path, small_result(), width)
    browser.run(SCROLL_THROUGH)
    assert browser.run(DRAWN) == browser.run("document.querySelectorAll('[data-figure]').length")
    assert browser.run("document.querySelectorAll('.boxlayer path').length") > 0
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("innerWidth") == width
    assert not browser.run("document.documentElement.outerHTML.includes('stroke: var(--')")
    assert browser.problems == []
    fetched = [url for url in browser.requested if not url.startswith("data:")]
    assert fetched == [page.as_uri()]
    assert len(browser.screenshot()) > 20_000, "an empty page compresses to almost nothing"


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
def test_the_journals_page_draws_every_chart_and_fits(browser: Browser, tmp_path: Path, width: int):
    period = a_period()
    page = write_page(render_journal(period, figures_of(period)), tmp_path / "journal.html")
    browser.new_page(width=width)
    browser.show(page)
    browser.run(SCROLL_THROUGH)
    assert browser.run(DRAWN) == browser.run("document.querySelectorAll('[data-figure]').length")
    assert browser.run("document.querySelectorAll('[data-figure]').length") == 2
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.problems == []
    fetched = [url for url in browser.requested if not url.startswith("data:")]
    assert fetched == [page.as_uri()]


def test_charts_far_below_the_screen_wait_until_a_reader_goes_there(
    browser: Browser, tmp_path: Path
):
    opened(browser, tmp_path, replay_result(12), DESKTOP)
    browser.run(pause(300))
    assert 0 < browser.run(DRAWN) <= 3
    browser.run("document.querySelector('a[href=\"#event-9\"]').click()")
    browser.run(pause(500))
    top = browser.run("document.querySelector('#event-9').getBoundingClientRect().top")
    assert 0 <= top < HEIGHT
    assert browser.run("document.querySelector('#event-9 .js-plotly-plot') !== null")


def test_charts_change_with_the_colour_scheme(browser: Browser, tmp_path: Path):
    opened(browser, tmp_path, small_result(), PHONE)
    browser.run("document.querySelector('#equity').scrollIntoView()")
    browser.run(pause(300))
    background = "getComputedStyle(document.body).backgroundColor"
    line = "document.querySelector('[data-figure=equity] .js-line').style.stroke"
    light = (browser.run(background), browser.run(line))
    dark_scheme = {"name": "prefers-color-scheme", "value": "dark"}
    browser.call("Emulation.setEmulatedMedia", features=[dark_scheme])
    browser.run(pause(300))
    assert light == ("rgb(247, 247, 245)", "rgb(29, 94, 168)")
    assert (browser.run(background), browser.run(line)) == ("rgb(19, 22, 25)", "rgb(127, 182, 247)")
