"""Figures of the live page over 1,000 symbols and 50 events, which a test judges and `make bench`
writes down.

The server is a process of its own, so that only its CPU time counts; the store grows meanwhile.
"""

import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from pathlib import Path
from statistics import median

from playwright.sync_api import sync_playwright
from support.browser import CHROMIUM, QUIET
from support.watched import TOKEN, a_ring, fill, save_ring

from pumpwatch_workbench.local.store import Database, SqliteHistoryStore

SYMBOLS, EVENTS, WATCHERS = 1_000, 50, 3
SECONDS, RING_EVERY = 45, 15
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"


def figures():
    """Return seconds to the first paint, megabytes of the first load, the server's CPU share."""
    with ExitStack() as stack:
        path = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "paper.db"
        database = stack.enter_context(closing(Database(path)))
        names = fill(database, _now(), symbols=SYMBOLS, events=EVENTS, positions=5)
        line = [sys.executable, "-m", "pumpwatch_workbench", "dashboard", "--store", str(path)]
        server = stack.enter_context(
            subprocess.Popen(
                [*line, "--port", "0", "--token-env", "TOKEN"],
                env=os.environ | {"TOKEN": TOKEN},
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(server.terminate)
        url = server.stdout.readline().split()[4].partition("?")[0] + f"?token={TOKEN}"
        chromium = stack.enter_context(sync_playwright()).chromium
        browser = chromium.launch(executable_path=CHROMIUM, args=QUIET)
        stack.callback(browser.close)
        pages, sizes = [browser.new_page() for _ in range(WATCHERS)], []
        pages[0].on("requestfinished", lambda asked: sizes.append(asked.sizes()))
        for page in pages:
            page.goto(url)
        painted = median(page.evaluate(PAINTED) for page in pages)
        pages[0].wait_for_timeout(2_000)
        loaded = sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
        before = _cpu(server.pid)
        for _ in range(SECONDS // RING_EVERY):
            save_ring(SqliteHistoryStore(database), a_ring(names, _now()), symbols=SYMBOLS)
            pages[0].wait_for_timeout(RING_EVERY * 1000)
        return {
            "dashboard_first_paint_seconds": painted / 1000,
            "dashboard_first_load_megabytes": loaded / 1e6,
            "dashboard_cpu_share": (_cpu(server.pid) - before) / SECONDS,
        }


def _cpu(process):
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _now():
    return int(time.time() * 1000)
