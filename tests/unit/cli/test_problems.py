"""Errors as a person sees them: one line, a status, and a traceback only when asked for."""

import errno
import io
import os
import subprocess
import sys

import pytest
from support.command_line import type_in

from pumpwatch.errors import BadInput, ExchangeUnavailable, InvariantBroken, SettingsError
from pumpwatch_workbench.cli import main
from pumpwatch_workbench.cli.problems import describe, redacted

SECRET = "xoxb-1234567890"


@pytest.fixture
def raising(monkeypatch):
    """Let a command raise; its name is that of a real one, its work is not."""

    def replace(error):
        def work(symbols, scan_seconds):
            hidden = SECRET
            raise error
            return hidden

        monkeypatch.setattr("pumpwatch_workbench.cli.costs.compute", work)

    return replace


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (BadInput("swap its ends"), 2, "swap its ends"),
        (SettingsError("X='1' is not allowed"), 2, "X='1'"),
        (ExchangeUnavailable("no answer"), 1, "is there a network?"),
        (InvariantBroken("two stops"), 1, "two stops"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (
            OSError(errno.ENOSPC, "No space left on device", "page.html"),
            2,
            "page.html: the disk is",
        ),
        (OSError("No space left on device (os error 28)"), 2, "the disk is full"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), 2, "x: permission denied"),
        (MemoryError(), 1, "too little memory"),
        (ValueError("odd\nthing"), 70, "this is a bug in Pumpwatch (ValueError: odd thing)"),
        (OSError("something of a socket"), 70, "this is a bug"),
    ],
)
def test_every_error_is_one_line_with_its_status(raising, error, status, words):
    raising(error)
    answer = type_in("costs")
    assert answer.status == status
    assert words in answer.line
    assert answer.output == ""


def test_a_bug_says_how_to_see_more(raising):
    raising(KeyError("x"))
    assert type_in("costs", "--symbols", "600").line.endswith(
        "To see where: pumpwatch --debug costs --symbols 600"
    )


@pytest.mark.parametrize("way", ["option", "variable"])
def test_debug_shows_the_traceback_without_variables_and_secrets(raising, monkeypatch, way):
    monkeypatch.setenv("SLACK_WEBHOOK", "https://hooks.slack.com/services/T0/B0/abc")
    monkeypatch.setenv("MY_API_KEY", "key-of-somebody")
    if way == "variable":
        monkeypatch.setenv("PUMPWATCH_DEBUG", "1")
    raising(ValueError("https://hooks.slack.com/services/T0/B0/abc and key-of-somebody"))
    answer = type_in(*(["--debug"] if way == "option" else []), "costs")
    assert answer.status == 70
    assert "Traceback (most recent call last)" in answer.errors
    assert "test_problems.py" in answer.errors
    for hidden in (SECRET, "T0/B0", "key-of-somebody"):
        assert hidden not in answer.errors


def test_expected_errors_have_their_traceback_too(raising):
    raising(BadInput("no"))
    assert "Traceback" not in type_in("costs").errors
    answer = type_in("--debug", "costs")
    assert answer.status == 2
    assert "Traceback" in answer.errors


def test_words_that_look_like_secrets_by_their_variable_are_taken_out():
    environment = {"AWS_SECRET_ACCESS_KEY": "abcdefgh1", "HOME": "/home/ann", "TOKEN": "short"}
    assert redacted("abcdefgh1 /home/ann short", environment) == "*** /home/ann short"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["rum"], "No such command 'rum'. Did you mean 'run', 'resume'?; see pumpwatch --help"),
        (
            ["run", "--nonsense"],
            "No such option: --nonsense (Possible options: --seed); see pumpwatch run",
        ),
        (["run", "extra"], "unexpected extra argument"),
        (["run", "--symbols", "many"], "--symbols: give a whole number; see pumpwatch run"),
        (["run", "--hours", "long"], "--hours: give a number"),
        (["run", "--strategy", "hodl"], "no 'hodl' among the strategies alert, fade"),
        (["tune", "x", "--trials", "0"], "--trials: it should be greater than or equal to 1"),
        (["resume"], "Missing option '--reason'"),
        (["backtest"], "Missing argument 'DIR'"),
    ],
)
def test_what_cannot_be_read_is_one_line(typed, words):
    answer = type_in(*typed)
    assert answer.status == 2
    assert words in answer.line


class Broken(io.TextIOWrapper):
    def __init__(self):
        super().__init__(io.BytesIO(), encoding="utf-8")

    def write(self, text):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    def fileno(self):
        raise OSError


def test_nobody_reading_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", Broken())
    assert main.run_program(["costs"]) == 141


def program(command, **environment):
    return subprocess.run(
        ["sh", "-c", command.replace("PUMPWATCH", f"{sys.executable} -m pumpwatch_workbench")],
        capture_output=True, check=False, env={**os.environ, "PYTHONUNBUFFERED": "", **environment},
    )  # fmt: skip


def test_the_program_survives_closed_and_full_streams_and_any_encoding():
    """One process each: what only a real one can show."""
    quiet = program("PUMPWATCH costs --help | head -1; PUMPWATCH costs <&- >&-")
    assert quiet.stderr == b""
    if os.path.exists("/dev/full"):  # noqa: PTH110 - a device
        full = program("PUMPWATCH costs > /dev/full")
        assert (full.returncode, full.stderr) == (
            2,
            b"pumpwatch: the disk is full: free some space\n",
        )
    latin = program("PUMPWATCH costs nonsense-\u2013", LC_ALL="C", PYTHONIOENCODING="latin-1")
    assert latin.returncode == 2
    assert latin.stderr.startswith(b"pumpwatch: Got unexpected extra argument")


def test_debug_is_left_out_of_what_to_type_again():
    line, status = describe(RuntimeError("x"), ["--debug", "run"])
    assert line.endswith("pumpwatch --debug run")
    assert status == 70
