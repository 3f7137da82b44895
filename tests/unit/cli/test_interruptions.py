"""Ctrl-C in the middle of long commands, and a disk that fills up: nothing is half-written."""

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from support.backtests import pump_block, random_block, write_folder
from support.command_line import type_in
from support.paper_trading import PumpedExchange

from pumpwatch_workbench.cli import main, progress
from pumpwatch_workbench.export import tables_of, write_tables
from pumpwatch_workbench.local.store import Database
from pumpwatch_workbench.pages.files import check_target, write_whole

INTERRUPTED = {130, -signal.SIGINT}
"""Python lets the signal itself end the process when it struck within an `exec`."""


@pytest.fixture(scope="module")
def exchange():
    made = PumpedExchange()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _listening():
    """A runner in the background ignores Ctrl-C, and would hand that down."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_folder(tmp_path / "candles", [pump_block(start=480)])
    write_folder(tmp_path / "days", [random_block(1, 1, 4 * 1440)])
    (tmp_path / "page.html").write_text("before")
    write_tables(tmp_path, tables_of([], [], []))
    return tmp_path


def files(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("pressed", "status"), [([], 70), ([signal.SIGINT], 130)])
def test_what_fails_after_a_ctrl_c_that_python_dropped_was_interrupted(
    monkeypatch, pressed, status
):
    def fail(*_, **__):
        raise ConnectionRefusedError("a helper has ended")

    monkeypatch.setattr(main, "app", fail)
    monkeypatch.setattr(main, "interruptions", pressed)
    assert type_in("run").status == status


BACKTEST = "backtest candles --report page.html"


@pytest.mark.parametrize(
    "line",
    [
        BACKTEST,
        "tune days --folds 1",
        "compare candles --from 1970-01-01 --journal trades.parquet --strategy fade",
        "campaign --seeds 2 --workers 1",
        "download --symbols all --from 2026-11-01T23:00 --base-url {url} --out new",
    ],
)
def test_ctrl_c_in_the_middle_is_clean(here, exchange, monkeypatch, line):
    """It is pressed when the command first tells how far it is."""
    monkeypatch.setattr(
        progress.Steps, "update", lambda *_, **__: signal.raise_signal(signal.SIGINT)
    )
    before = files(here)
    answer = type_in(*line.format(url=exchange.url).split())
    assert answer.status == 130
    assert answer.errors.splitlines()[-1] == "pumpwatch: interrupted"
    assert "Traceback" not in answer.errors
    assert answer.output == ""
    left = {name for name in files(here) - before if not name.startswith("new/.download/")}
    assert left == set()
    assert (here / "page.html").read_text() == "before"


def is_gone(group):
    """Return whether a group of processes ends; multiprocessing's tracker takes a moment."""
    for _ in range(1_000):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def members(group):
    """Return how many processes a group has."""
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            count += stat.read_text().rpartition(")")[2].split()[2] == str(group)
    return count


def wait_for_members(group, least):
    """Wait until a command has started its workers, however long its imports take."""
    ends = time.monotonic() + 60
    while members(group) < least:
        assert time.monotonic() < ends, "no workers were started"
        time.sleep(0.05)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are not listed here")
def test_ctrl_c_ends_every_worker_of_a_command(here):
    """A terminal sends it to all of them at once."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "pumpwatch_workbench"),
            *("campaign", "--seeds", "90000", "--workers", "2"),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=here,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(  # noqa: PLW1509 - no threads here
            signal.SIGINT, signal.default_int_handler
        ),
    )  # fmt: skip
    wait_for_members(process.pid, 3)
    os.killpg(process.pid, signal.SIGINT)
    _, problem = process.communicate(timeout=120)
    assert process.returncode in INTERRUPTED
    assert problem == "pumpwatch: interrupted\n"
    assert is_gone(process.pid)


@contextmanager
def files_of_at_most(count):
    """Let no file grow beyond so many bytes: it fails as on a disk that is full.

    Byte code is not written meanwhile: Python does not notice that it was cut short.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writes_none, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = writes_none


@pytest.mark.parametrize(
    ("line", "most"),
    [
        (BACKTEST, 100_000),
        ("report --store s.db --out page.html", 5_000),
        ("download --symbols all --from 2026-11-01T20:00 --base-url {url} --out new", 1_000),
        ("paper --store fresh.db --base-url {url}", 2_000),
        ("report --store s.db --out page.html --export new", 400),
    ],
)
def test_a_full_disk_is_one_line_and_what_was_there_stays(here, exchange, line, most):
    Database(here / "s.db").close()
    before = files(here)
    with files_of_at_most(most):
        answer = type_in(*line.format(url=exchange.url).split())
    assert answer.status in {1, 2}
    assert answer.errors.splitlines()[-1].startswith("pumpwatch: ")
    assert "Traceback" not in answer.errors
    assert "bug" not in answer.errors
    assert (here / "page.html").read_text() == "before"
    stores = ("new/.", "fresh.db", "s.db-")
    assert {name for name in files(here) - before if not name.startswith(stores)} == set()


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    page = tmp_path / "page.html"
    write_whole(page, "first")
    with files_of_at_most(10), pytest.raises(OSError, match="too large"):
        write_whole(page, "x" * 20_000)
    assert page.read_text() == "first"
    assert files(tmp_path) == {"page.html"}


def test_a_device_is_never_replaced_and_a_link_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for refuse in (check_target, lambda path: write_whole(path, "text")):
        with pytest.raises(OSError, match="no ordinary file"):
            refuse(pipe)
    assert pipe.is_fifo()
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
