"""The cost curve of a tick: line and error, table and page, the command, one measurement."""

import json
import subprocess

import pytest

import studies.scale.study
from pumpwatch.errors import BadInput, InvariantBroken
from pumpwatch_workbench.cli.main import app
from studies.scale.study import Study, make_study
from studies.scale.tick import TickFigures, measure_tick


def ticked(symbols, **changes):
    """Return a tick on exact lines: 20 ms and 10 us a symbol, and so on."""
    facts = {
        "cpu_seconds": 0.020 + 10e-6 * symbols,
        "wall_seconds": 0.150 + 20e-6 * symbols,
        "requests": 6.0,
        "candidates": 2.0,
        "memory_bytes": 80e6 + 5e3 * symbols,
        "tickers_bytes": 750.0 * symbols,
    }
    return TickFigures(symbols, **{**facts, **changes})


def a_study(**changes):
    """Return a study whose checked market may lie off the lines."""
    return Study((ticked(200), ticked(600), ticked(1_200)), ticked(2_000, **changes))


def test_a_line_goes_through_what_lies_on_one_and_never_falls():
    study = a_study()
    assert study.line("cpu_seconds", 10_000) == pytest.approx(0.120)
    falling = Study((ticked(1, cpu_seconds=5.0), ticked(2, cpu_seconds=3.0)), ticked(3))
    assert falling.line("cpu_seconds", 1_000) == 4.0


def test_the_error_is_that_of_the_lines_at_the_checked_market():
    errors = a_study(cpu_seconds=0.080).errors
    assert errors["cpu_seconds"] == pytest.approx(0.040 / 0.080 - 1)
    assert errors["memory_bytes"] == pytest.approx(0.0, abs=1e-9)


def test_sizes_are_measured_in_order_and_the_last_one_is_only_checked(monkeypatch):
    monkeypatch.setattr(studies.scale.study, "measure_tick", ticked)
    said = []
    assert make_study([200, 600, 1_200], 2_000, said.append) == a_study()
    assert said[-1] == "a tick over 2,000 symbols"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--symbols", "many"), "--symbols is 'many'"),
        (("--symbols", "600"), "at least two different sizes"),
        (("--symbols", "0,600"), "--symbols is '0,600'"),
        (("--check", "600"), "--check is 600"),
        (("--check", "2001"), "--check is 2001"),
    ],
)
def test_nonsense_is_answered_with_a_sentence(arguments, words):
    with pytest.raises(BadInput) as raised:
        app(["scale", *arguments], standalone_mode=False)
    assert words in str(raised.value)


def test_the_command_prints_the_table_or_json(monkeypatch, capsys):
    monkeypatch.setattr(studies.scale.study, "measure_tick", ticked)
    app(["scale", "--json"], standalone_mode=False)
    document = json.loads(capsys.readouterr().out)
    assert [tick["symbols"] for tick in document["ticks"]] == [200, 600, 1_200]
    assert document["checked"]["symbols"] == 2_000
    app(["scale"], standalone_mode=False)
    printed = capsys.readouterr().out
    for words in ("1,200", "32 ms", "cpu +0%"):
        assert words in printed


def test_a_tick_that_cannot_be_measured_says_why(monkeypatch):
    ended = subprocess.CompletedProcess([], 1, "", "Traceback ...\nMemoryError: no room\n")
    monkeypatch.setattr("studies.scale.tick.subprocess.run", lambda *_, **__: ended)
    with pytest.raises(InvariantBroken, match=r"over 7 symbols .*MemoryError: no room"):
        measure_tick(7)


@pytest.mark.slow
def test_a_tick_is_measured_through_http_in_processes_of_its_own():
    figures = measure_tick(12)
    assert figures.requests >= 6
    assert figures.tickers_bytes / 12 == pytest.approx(750, rel=0.1)
    assert 0 < figures.cpu_seconds < figures.wall_seconds
