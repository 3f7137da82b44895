"""Pictures for the README and the documents: `python -m tools.pictures`.

They show a real `pumpwatch run` with its defaults: the terminal as it stood when there was most to
see, and the top of the report page in light and dark. Needs Chromium on the PATH.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Self

from rich.console import Console

from pumpwatch.errors import BadInput
from pumpwatch_workbench.play.run.driver import play
from pumpwatch_workbench.play.run.options import RunOptions
from pumpwatch_workbench.play.run.page import write_run_report
from pumpwatch_workbench.play.views.live import LiveView
from pumpwatch_workbench.play.views.view import TickSnapshot

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
COLUMNS = 110
WIDTH, HEIGHT = 1200, 970
SCHEMES = {"dark": 0, "light": 1}
"""Chromium's numbers for `prefers-color-scheme`."""
FONT_FILES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""Rich names font files on the internet; a picture that loads nothing takes the reader's font."""


class Camera(LiveView):
    """The live view on a terminal of its own; keeps the drawing of the fullest tick as SVG."""

    def __init__(self) -> None:
        super().__init__(Console(file=io.StringIO(), force_terminal=True, width=COLUMNS))
        self.svg = ""
        self._most = (0, 0)

    def __enter__(self) -> Self:
        return self  # draws nothing by itself

    def __exit__(self, *error: object) -> None:
        """Erase nothing."""

    def tick(self, snapshot: TickSnapshot) -> None:
        """Take a picture when more positions, or as many and more events, are open than before."""
        super().tick(snapshot)
        seen = (len(snapshot.trades), snapshot.events_open)
        if seen > self._most:
            self._most, self.svg = seen, self._drawing()

    def _drawing(self) -> str:
        paper = Console(file=io.StringIO(), record=True, force_terminal=True, width=COLUMNS)
        paper.print(self.render())
        return FONT_FILES.sub("", paper.export_svg(title="make run", unique_id="run"))


def make_pictures(folder: Path, options: RunOptions) -> list[Path]:
    """Run as `options` say and write the pictures; return their paths.

    Raises `BadInput` without Chromium, or when a run shows nothing to take a picture of.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        raise BadInput("no chromium on the PATH: install it, it takes the pictures of the report")
    camera = Camera()
    result = play(options, camera)
    if not camera.svg:
        raise BadInput("no position was open at the end of any tick: choose another seed")
    folder.mkdir(parents=True, exist_ok=True)
    terminal = folder / "run-terminal.svg"
    terminal.write_text(camera.svg, encoding="utf-8")
    with tempfile.TemporaryDirectory() as temporary:
        page = write_run_report(result, Path(temporary, "report.html"))
        pictures = [
            _photograph(browser, page, folder / f"run-report-{scheme}.png", number)
            for scheme, number in SCHEMES.items()
        ]
    return [terminal, *pictures]


def _photograph(browser: str, page: Path, picture: Path, scheme: int) -> Path:
    """Write the top of a page as PNG, once its charts are drawn."""
    command = [browser, "--headless", "--disable-gpu", "--hide-scrollbars"]
    command += [f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=4000"]
    command += [f"--blink-settings=preferredColorScheme={scheme}", f"--screenshot={picture}"]
    if os.geteuid() == 0:
        command.append("--no-sandbox")
    subprocess.run([*command, page.as_uri()], check=True, capture_output=True, timeout=120)
    return picture


if __name__ == "__main__":
    try:
        made = make_pictures(FOLDER, RunOptions())
    except BadInput as problem:
        sys.exit(f"pictures: {problem}")
    for picture in made:
        sys.stdout.write(f"{picture} {picture.stat().st_size / 1000:.0f} kB\n")
