"""A headless Chromium, and what a reader meets on a page that is opened in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, ConsoleMessage, Page

PHONE, DESKTOP = 390, 1280
HEIGHT = 900
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PROMISED = os.environ.get("PUMPWATCH_REQUIRE_SERVERS") == "1"
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not PROMISED, reason="chromium is not installed"
)
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-sandbox",
)

SETTLED = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))"
HEIGHT_OF_PAGE = "() => document.documentElement.scrollHeight"
ALL_DRAWN = """() => [...document.querySelectorAll("[data-figure]")].every(
  (node) => node.querySelector("canvas"))"""

# The charts that show nothing: all that was painted is one colour, or no line or point has a size.
EMPTY_CHARTS = """() => {
  const isPainted = (node) => {
    const size = ({ width, height }) => width * height;
    const [canvas] = [...node.querySelectorAll("canvas")].sort((a, b) => size(b) - size(a));
    if (!canvas || !size(canvas)) return false;
    const { width, height } = canvas;
    // Of a copy: Chromium warns of reading twice what it draws on.
    const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    copy.drawImage(canvas, 0, 0);
    const colours = new Uint32Array(copy.getImageData(0, 0, width, height).data.buffer);
    return colours.some((colour) => colour !== colours[0]);
  };
  const shapes = "path:not([stroke='var(--line)'])";
  const isDrawn = (node) => [...node.querySelectorAll(shapes)].some((path) => {
    const box = path.getBoundingClientRect();
    return box.width + box.height > 1;
  });
  const all = (which) => [...document.querySelectorAll(which)];
  return [
    ...all("[data-figure]").filter((node) => !isPainted(node)).map((node) => node.dataset.figure),
    ...all(".plot").filter((node) => !isDrawn(node)).map((node) => node.ariaLabel),
  ];
}"""

# Text that lies too close to its background, WCAG's ratio.
FAINT_TEXT = """() => {
  const numbers = (colour) => (colour.match(/[\\d.]+/g) || [0, 0, 0, 0]).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor, parts = numbers(colour);
      if (parts.length < 4 || parts[3] === 1) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const seen = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const faint = new Set();
  while (seen.nextNode()) {
    const holder = seen.currentNode.parentElement, words = seen.currentNode.data.trim();
    if (!words || holder.closest("script, noscript, style, .skip, .unseen")) continue;
    if (!holder.getClientRects().length) continue;
    const style = getComputedStyle(holder);
    const [text, back] = [style.color, behind(holder)].map(light);
    const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
    if (ratio < 4.5 || Number(style.opacity) < 0.8) faint.add(words.slice(0, 40));
  }
  return [...faint];
}"""

SMALL_TEXT = """(least) => {
  const seen = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const small = new Set();
  while (seen.nextNode()) {
    const holder = seen.currentNode.parentElement;
    if (!seen.currentNode.data.trim() || holder.closest("script, noscript")) continue;
    if (!holder.getClientRects().length) continue;
    if (parseFloat(getComputedStyle(holder).fontSize) < least) {
      small.add(seen.currentNode.data.trim().slice(0, 40));
    }
  }
  return [...small];
}"""

CUT_TABLES = """() => [...document.querySelectorAll(".scroll")].filter(
  (node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.ariaLabel)"""

# A chart without words: no label, or nothing in its section or card that says the same.
WORDLESS_CHARTS = """() => [...document.querySelectorAll("[data-figure], .plot")].filter((node) => {
  const around = node.closest("article, section");
  const image = node.matches("[role=img]") ? node : node.querySelector("[role=img]");
  return !(image?.getAttribute("aria-label") || "").trim() || image.querySelector("button")
    || !around || !around.querySelector("table, dl, p.lead, p.under");
}).map((node) => node.dataset.figure ?? node.className)"""

STRUCTURE = """() => {
  return {
    landmarks: ["header", "nav", "main", "footer"].filter((n) => document.querySelector(n)),
    headless: [...document.querySelectorAll("table:not([role=img] table)")].filter(
      (t) => !t.caption || !t.querySelector("thead th[scope=col]")
        || [...t.tBodies[0].rows].some((row) => !row.querySelector("th[scope=row]"))).length,
    unscoped: document.querySelectorAll("th:not([scope])").length,
  };
}"""

FOCUS = """() => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  const shown = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
  return [node.tagName + " " + (node.textContent || "").trim().slice(0, 30), shown];
}"""


class Reader:
    """Somebody who opens pages, one after the other, and takes note of what goes wrong or out."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.address = folder / "page.html"
        self.problems: list[str] = []
        self.requested: list[str] = []
        self._tools: CDPSession = page.context.new_cdp_session(page)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("console", self.hear)
        page.on("request", lambda request: self.requested.append(request.url))

    def open(self, text: str) -> None:
        """Open a page as on a desktop, in the light scheme."""
        self.address.write_text(text, encoding="utf-8")
        self.page.goto("about:blank")
        self._measure(DESKTOP, HEIGHT)
        self.page.emulate_media(color_scheme="light")
        self.problems, self.requested = [], []
        self.page.goto(self.address.as_uri())

    def hear(self, message: ConsoleMessage) -> None:
        """Take note of what the page complains about."""
        if message.type in ("error", "warning"):
            self.problems.append(f"{message.type}: {message.text}")

    def run(self, script: str, *argument: object) -> Any:
        return self.page.evaluate(script, *argument)

    def show_all(self) -> None:
        """Make the window as high as the page, so that every chart is drawn."""
        self.screen(DESKTOP)
        self.page.wait_for_function(ALL_DRAWN)

    def screen(self, width: int) -> None:
        """Look at the whole page on a phone or on a desktop; charts follow."""
        self._measure(width, HEIGHT)
        self._measure(width, self.run(HEIGHT_OF_PAGE))
        self.run(SETTLED)

    def _measure(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1}
        metrics["mobile"] = width == PHONE
        self._tools.send("Emulation.setDeviceMetricsOverride", metrics)

    def scheme(self, name: str) -> None:
        """Switch to the dark or light scheme, as a reader's system does."""
        self.page.emulate_media(color_scheme=name)  # type: ignore[arg-type]
        self.run(SETTLED)

    @property
    def empty_charts(self) -> list[str]:
        return self.run(EMPTY_CHARTS)

    @property
    def faint_text(self) -> list[str]:
        return self.run(FAINT_TEXT)

    @property
    def cut_tables(self) -> list[str]:
        """Tables that are wider than the screen, although narrow ones get fewer columns."""
        return self.run(CUT_TABLES)

    @property
    def wordless_charts(self) -> list[str]:
        return self.run(WORDLESS_CHARTS)

    def small_text(self, least: float) -> list[str]:
        return self.run(SMALL_TEXT, least)

    @property
    def structure(self) -> dict[str, Any]:
        return self.run(STRUCTURE)

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than the screen."""
        return self.run("() => document.documentElement.scrollWidth - innerWidth")

    def hidden_focus(self, stops: int) -> list[str]:
        """Go through the page with the Tab key; return what has the focus and does not show it."""
        hidden = []
        for _ in range(stops):
            self.page.keyboard.press("Tab")
            name, shown = self.run(FOCUS)
            if name.startswith("BODY"):  # past the last stop
                break
            if not shown:
                hidden.append(name)
        return hidden

    def violations(self, *, contrast: bool) -> list[str]:
        """Return what axe finds wrong, with the place; contrast costs it the most time."""
        # Loaded where a browser is driven: every test process collects this file.
        from axe_playwright_python.sync_playwright import Axe

        rules = {"color-contrast": {"enabled": contrast}}
        result = Axe().run(self.page, options={"resultTypes": ["violations"], "rules": rules})
        return [
            f"{violation['id']}: {node['target']}"
            for violation in result.response["violations"]
            for node in violation["nodes"]
        ]


@contextmanager
def reader(folder: Path, *, offline: bool = True) -> Iterator[Reader]:
    """Start the browser that is installed, for files without any network, and end it."""
    # Loaded where a browser is driven: every test process collects this file.
    from playwright.sync_api import sync_playwright

    assert CHROMIUM is not None, "chromium is not installed"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        try:
            yield Reader(browser.new_page(offline=offline), folder)
        finally:
            browser.close()
