"""The safety net must be able to fail: known bugs are planted one at a time, and it finds each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import planted
from support.planted import CHECKOUT, Bug, Verdict, catalogue, try_bug, try_bugs
from typer.testing import CliRunner

from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.main import app
from studies.campaign import command as campaign

LEAST = 40
SAMPLE = {"lease-ignores-token": 40, "risk-doubled": 20, "time-limit-late": 20}
"""Bugs that worlds find soon, and how many of them they may need."""
BY_TEST = "dust-by-quantity"


def harmless() -> Bug:
    return Bug(
        name="harmless",
        says="Nothing is wrong with it.",
        file="pumpwatch/domain/trading/limits.py",
        old="limits: what every entry must pass",
        new="limits: what each entry must pass",
    )


def test_every_patch_applies_and_every_bug_has_a_name_of_its_own() -> None:
    """`catalogue` names the patches that do not apply any more: anchor them anew."""
    bugs = catalogue()
    assert len(bugs) >= LEAST
    assert len({bug.name for bug in bugs}) == len(bugs)
    assert [bug.name for bug in bugs if bug.old == bug.new or not bug.says.endswith(".")] == []


def test_tests_are_named_one_by_one() -> None:
    """A whole file of tests would notice a bug by whatever else fails there."""
    named = [bug.test for bug in catalogue() if bug.test]
    root = CHECKOUT
    for test in named:
        file, _, name = test.partition("::")
        assert f"def {name}(" in (root / file).read_text("utf-8"), test


@pytest.mark.parametrize(("name", "seeds"), SAMPLE.items())
def test_worlds_notice_a_bug(name: str, seeds: int) -> None:
    (bug,) = catalogue([name])
    verdict = try_bug(bug, seeds=seeds)
    assert verdict.seed is not None, verdict.why
    assert str(verdict) == f"{name}: found by seed {verdict.seed}"


def test_where_no_world_notices_a_bug_a_test_does() -> None:
    (bug,) = catalogue([BY_TEST])
    verdict = try_bug(bug, seeds=1)
    assert str(verdict) == f"{BY_TEST}: found by test {bug.test}"


def test_what_nobody_notices_is_missed() -> None:
    verdict = try_bug(harmless(), seeds=1)
    assert str(verdict) == "harmless: missed"
    assert not verdict.found
    sound = replace(harmless(), test="tests/unit/trading/test_rounding.py")
    assert try_bug(sound, seeds=1).why == "tests/unit/trading/test_rounding.py ended with 0"


def test_a_patch_that_does_not_apply_is_named() -> None:
    assert harmless().stale() == ""
    gone = replace(harmless(), old="what nobody wrote")
    assert "pumpwatch/domain/trading/limits.py has 0 times" in gone.stale()
    twice = replace(harmless(), also=[("pumpwatch/domain/trading/limits.py", "Decimal", "Decimal")])
    assert "times, not once: Decimal" in twice.stale()


def test_without_a_checkout_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(campaign, "__file__", str(tmp_path / "a" / "b" / "campaign.py"))
    result = CliRunner().invoke(app, ["campaign", "--planted"])
    assert isinstance(result.exception, BadInput)
    assert "checkout" in str(result.exception)


def test_the_command_hands_its_options_to_the_runner(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def run(command: list[str], **_: Any) -> Any:
        asked.append(command[1:])
        return type("Done", (), {"returncode": 1})

    monkeypatch.setattr(campaign.subprocess, "run", run)
    options = ["--planted", "--seeds", "7", "--workers", "2", "--bug", "blind-retry", "--json"]
    assert CliRunner().invoke(app, ["campaign", *options]).exit_code == 1
    runner = str(CHECKOUT / "tests" / "support" / "planted.py")
    assert asked == [[runner, "--seeds=7", "--workers=2", "--bug=blind-retry", "--json"]]


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="risk-doubled"):
        catalogue(["no-such-bug"])


def test_a_line_is_printed_for_each_and_one_that_is_missed_ends_with_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def judged(bugs: Sequence[Bug], seeds: int, workers: int) -> Iterator[Verdict]:
        assert (seeds, workers) == (7, 2)
        yield Verdict(bugs[0], seed=3, why="stops: none")
        yield Verdict(bugs[1], why="the promise held in every world")

    monkeypatch.setattr(planted, "try_bugs", judged)
    monkeypatch.setattr(planted, "_worlds", lambda package, seeds: None)
    asked = ["--seeds=7", "--workers=2", "--bug=risk-doubled", "--bug=blind-retry"]
    assert planted.main(asked) == 1
    assert capsys.readouterr().out.splitlines() == [
        "risk-doubled: found by seed 3",
        "blind-retry: missed",
        "2 bugs planted, 1 found.",
    ]
    assert planted.main([*asked, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["missed"] == ["blind-retry"]
    assert planted.main(["--bug=no-such-bug"]) == 2
    monkeypatch.setattr(planted, "_worlds", lambda package, seeds: {"seed": 1, "why": "halts"})
    assert planted.main(asked) == 2
    assert "without any bug the promise breaks already" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.timeout(2_400)
def test_every_planted_bug_is_found() -> None:
    verdicts = list(try_bugs(catalogue(), 300, os.cpu_count() or 1))
    assert [str(one) for one in verdicts if not one.found] == []
