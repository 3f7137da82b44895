"""Pictures for the README and the documents: `python -m tools.pictures`.

They show a real `pumpwatch run` with its defaults: the terminal and the live page as they stood
when there was most to see, and of the report page the figures and the first trade. Pages are in
light and dark. Needs Chromium on the PATH.
"""

from __future__ import annotations

import io
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, Self

from playwright.sync_api import Page, ViewportSize, sync_playwright
from rich.console import Console

from pumpwatch.errors import BadInput
from pumpwatch_workbench.dashboard.access import token_for
from pumpwatch_workbench.play.run.driver import play
from pumpwatch_workbench.play.run.options import RunOptions
from pumpwatch_workbench.play.run.page import write_run_report
from pumpwatch_workbench.play.run.stage import Stage
from pumpwatch_workbench.play.run.web import live_page
from pumpwatch_workbench.play.views.live import LiveView
from pumpwatch_workbench.play.views.view import TickSnapshot

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
COLUMNS = 110
WIDTH, HEIGHT = 1200, 1010
LIVE: ViewportSize = {"width": 1280, "height": 800}
SCHEMES: tuple[Literal["dark", "light"], ...] = ("dark", "light")
HIDDEN = """<style>
body > :not(header, main), header > .invariants, #main > section:not([aria-labelledby=charts]),
[aria-labelledby=charts] > :not(.cards), .card:not(#{card}),
.tiles div:nth-child(n + 9) {{ display: none }}
.cards {{ display: block; margin-top: 1.5rem }} .card .chart {{ height: 23rem }}
</style>"""
"""Leaves of the page what the picture shows."""
FONT_FILES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Rich names font files on the internet; a picture that loads nothing takes the reader's font."""


class Camera(LiveView):
    """The live view on a terminal of its own; keeps the fullest tick as SVG, and its live page."""

    page: Page | None = None
    address = ""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO(), force_terminal=True, width=COLUMNS))
        self.svg = ""
        self.live: dict[str, bytes] = {}
        self._most = (0, 0)

    def __enter__(self) -> Self:
        return self  # draws nothing by itself

    def __exit__(self, *error: object) -> None:
        """Erase nothing."""

    def note(self, text: str) -> None:
        """Keep the address of the live page."""
        if address := re.search(r"Live page: (http://[0-9.:]+)", text):
            self.address = address[1]

    def tick(self, snapshot: TickSnapshot) -> None:
        """Take a picture when more positions, or as many and more events, are open than before."""
        super().tick(snapshot)
        seen = (len(snapshot.trades), snapshot.events_open)
        if seen > self._most:
            self._most, self.svg = seen, self._drawing()
            if self.page is not None:
                self.live = {scheme: self._photograph(self.page, scheme) for scheme in SCHEMES}

    def _drawing(self) -> str:
        paper = Console(file=io.StringIO(), record=True, force_terminal=True, width=COLUMNS)
        paper.print(self.render())
        return FONT_FILES.sub("", paper.export_svg(title="make run", unique_id="run"))

    def _photograph(self, page: Page, scheme: Literal["dark", "light"]) -> bytes:
        page.emulate_media(color_scheme=scheme)
        page.goto(f"{self.address}/?token={token_for('127.0.0.1', '', {})}")
        page.wait_for_selector("#candles canvas")
        page.wait_for_timeout(1_000)
        return page.screenshot()


@contextmanager
def _watched(stage: Stage, browser: str, camera: Camera) -> Iterator[None]:
    """Show the camera the live page of a run."""
    with sync_playwright() as playwright, live_page(stage, 0, camera):
        chromium = playwright.chromium.launch(executable_path=browser)
        camera.page = chromium.new_page(viewport=LIVE)
        yield
        chromium.close()


def make_pictures(folder: Path, options: RunOptions) -> list[Path]:
    """Run as `options` say and write the pictures; return their paths.

    Raises `BadInput` without Chromium, or when a run shows nothing to take a picture of.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise BadInput("no chromium on the PATH: install it, it takes the pictures of the report")
    camera = Camera()
    result = play(options, camera, partial(_watched, browser=browser, camera=camera))
    if not camera.svg:
        raise BadInput("no position was open at the end of any tick: choose another seed")
    folder.mkdir(parents=True, exist_ok=True)
    terminal = folder / "run-terminal.svg"
    terminal.write_text(camera.svg, encoding="utf-8")
    live = {folder / f"live-page-{scheme}.png": png for scheme, png in camera.live.items()}
    for path, png in live.items():
        path.write_bytes(png)
    with tempfile.TemporaryDirectory() as temporary:
        page = write_run_report(result, Path(temporary, "report.html"))
        traded = (n for n, row in enumerate(result.rows(), 1) if row.trade and row.trade.exit_time)
        style = HIDDEN.format(card=f"event-{next(traded)}")
        page.write_text(page.read_text().replace("</head>", f"{style}</head>"))
        return [terminal, *live, *_photographs(browser, page, folder)]


def _photographs(browser: str, page: Path, folder: Path) -> Iterator[Path]:
    """Write the top of a page as PNG in either scheme, once its chart is drawn."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser)
        opened = chromium.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        for scheme in SCHEMES:
            picture = folder / f"run-report-{scheme}.png"
            opened.emulate_media(color_scheme=scheme)
            opened.goto(page.as_uri())
            opened.wait_for_selector(".card canvas")
            opened.wait_for_timeout(500)
            opened.screenshot(path=picture)
            yield picture
        chromium.close()


if __name__ == "__main__":
    try:
        made = make_pictures(FOLDER, RunOptions())
    except BadInput as problem:
        sys.exit(f"pictures: {problem}")
    for picture in made:
        sys.stdout.write(f"{picture} {picture.stat().st_size / 1000:.0f} kB\n")
