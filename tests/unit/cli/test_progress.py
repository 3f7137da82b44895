"""How far a command is: a bar on a terminal, a line now and then elsewhere, never on output."""

import io
import sys

import pytest
from rich.console import Console

from pumpwatch_workbench.cli import progress


@pytest.fixture
def shown(monkeypatch):
    """Replace the console of standard error; return what is written to it."""

    def with_terminal(is_terminal):
        written = io.StringIO()
        console = Console(file=written, force_terminal=is_terminal, width=100, highlight=False)
        monkeypatch.setattr(progress, "errors", lambda: console)
        return written

    return with_terminal


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    original = progress.Steps.__init__

    def begin(self, *arguments):
        original(self, *arguments, monotonic=lambda: now[0])

    monkeypatch.setattr(progress.Steps, "__init__", begin)
    return now


def test_elsewhere_a_line_breaks_a_long_silence(shown, clock):
    written = shown(False)
    with progress.stepping("Worlds", 1_200) as steps:
        for second in range(40):
            clock[0] = float(second)
            steps.advance(f"{second} seen")
    assert written.getvalue().splitlines() == [
        "Worlds: 16 of 1,200, 15 seen",
        "Worlds: 31 of 1,200, 30 seen",
    ]


def test_what_is_quick_says_nothing(shown, clock):
    written = shown(False)
    assert list(progress.track(range(3), "Rules", 3)) == [0, 1, 2]
    with progress.busy("Reading"):
        pass
    assert list(progress.awaited(iter("ab"), "Checking")) == ["a", "b"]
    assert written.getvalue() == ""


def test_on_a_terminal_a_bar_is_drawn_and_gone_in_the_end(shown, capsys):
    written = shown(True)
    with progress.stepping("Candles") as steps:
        steps.update(3, 4, "BTCUSDT")
        sys.stdout.write("a result\n")
    text = written.getvalue()
    assert "Candles" in text
    assert "3/4" in text
    assert text.rstrip().endswith("\x1b[2K")
    assert capsys.readouterr().out == "a result\n"
