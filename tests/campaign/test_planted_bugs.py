"""The safety net must be able to fail: known bugs are planted one at a time, and it finds each."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from pumpwatch.errors import BadInput
from workbench.campaign import planted
from workbench.campaign.planted import PACKAGE, Bug, Verdict, catalogue, try_bug, try_bugs
from workbench.cli.main import app

LEAST = 40
SAMPLE = {"memory-ignores-token": 40, "risk-doubled": 20, "time-limit-late": 20}
"""Bugs that worlds find soon, and how many of them they may need."""
BY_TEST = "dust-by-quantity"


def harmless() -> Bug:
    return Bug(
        name="harmless",
        says="Nothing is wrong with it.",
        file="domain/limits.py",
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
    root = PACKAGE.parents[2]
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
    assert harmless().stale(PACKAGE) == ""
    gone = replace(harmless(), old="what nobody wrote")
    assert "domain/limits.py has 0 times" in gone.stale(PACKAGE)
    twice = replace(harmless(), also=[("domain/limits.py", "Decimal", "Decimal")])
    assert "times, not once: Decimal" in twice.stale(PACKAGE)


def test_without_a_checkout_the_command_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planted, "PACKAGE", PACKAGE / "elsewhere")
    with pytest.raises(BadInput, match="checkout"):
        catalogue()


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(BadInput, match="risk-doubled"):
        catalogue(["no-such-bug"])


def test_the_command_prints_a_line_for_each_and_ends_with_one_when_a_bug_was_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def judged(bugs: Sequence[Bug], seeds: int, workers: int) -> Iterator[Verdict]:
        assert (seeds, workers) == (7, 2)
        yield Verdict(bugs[0], seed=3, why="stops: none")
        yield Verdict(bugs[1], why="the promise held in every world")

    monkeypatch.setattr(planted, "try_bugs", judged)
    two = ("--bug", "risk-doubled", "--bug", "blind-retry")
    asked = ["campaign", "--planted", "--seeds", "7", "--workers", "2", *two]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 1
    assert "risk-doubled: found by seed 3" in result.output
    assert "blind-retry: missed" in result.output
    as_json = CliRunner().invoke(app, [*asked, "--json"])
    assert as_json.exit_code == 1
    assert json.loads(as_json.output)["missed"] == ["blind-retry"]


@pytest.mark.slow
@pytest.mark.timeout(2_400)
def test_every_planted_bug_is_found() -> None:
    verdicts = list(try_bugs(catalogue(), 300, os.cpu_count() or 1))
    assert [str(one) for one in verdicts if not one.found] == []
