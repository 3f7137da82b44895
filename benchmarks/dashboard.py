"""The live page over 1,000 symbols and 50 events: first paint, bytes, CPU while three watch.

The server is a process of its own, so that only its CPU time counts; the store grows meanwhile.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from shutil import which
from statistics import median

from playwright.sync_api import sync_playwright

from pumpwatch_workbench.local.store import Database, SqliteHistoryStore

SYMBOLS, EVENTS, WATCHERS = 1_000, 50, 3
SECONDS, RING_EVERY = 45, 15
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def measure() -> dict[str, float]:
    """Return seconds to the first paint, megabytes of the first load, the server's CPU share."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    watched = import_module("support.watched")
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "paper.db"
        database = stack.enter_context(closing(Database(path)))
        names = watched.fill(database, _now(), symbols=SYMBOLS, events=EVENTS, positions=5)
        line = [sys.executable, "-m", "pumpwatch_workbench", "dashboard", "--store", str(path)]
        server = subprocess.Popen(
            [*line, "--port", "0", "--token-env", "TOKEN"],
            env=os.environ | {"TOKEN": watched.TOKEN},
            stdout=subprocess.PIPE,
            text=True,
        )
        stack.callback(server.wait)
        stack.callback(server.terminate)
        assert server.stdout is not None
        url = server.stdout.readline().split()[4].partition("?")[0] + f"?token={watched.TOKEN}"
        chromium, program = stack.enter_context(sync_playwright()).chromium, which("chromium")
        browser = chromium.launch(executable_path=program, args=["--no-sandbox"])
        stack.callback(browser.close)
        pages = [browser.new_page() for _ in range(WATCHERS)]
        sizes: list[float] = []
        pages[0].on("requestfinished", lambda asked: sizes.append(_size(asked)))
        for page in pages:
            page.goto(url)
        painted = median(page.evaluate(PAINTED) for page in pages) / 1000
        pages[0].wait_for_timeout(2_000)
        loaded, before = sum(sizes), _cpu(server.pid)
        for _ in range(SECONDS // RING_EVERY):
            ring = watched.a_ring(names, _now())
            watched.save_ring(SqliteHistoryStore(database), ring, symbols=SYMBOLS)
            pages[0].wait_for_timeout(RING_EVERY * 1000)
        share = (_cpu(server.pid) - before) / SECONDS
    return {
        "dashboard_first_paint_seconds": painted,
        "dashboard_first_load_megabytes": loaded / 1e6,
        "dashboard_cpu_share": share,
    }


def _size(asked: object) -> float:
    sizes = asked.sizes()  # type: ignore[attr-defined]
    return float(sizes["responseBodySize"] + sizes["responseHeadersSize"])


def _cpu(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _now() -> int:
    return int(time.time() * 1000)
