"""What became of the mutants, counted by module, and the ones known to change nothing."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

TESTS_FAILED, INTERNAL_ERROR, PASSED, NO_TESTS = 1, 3, 0, (5, 33)
CPU_TIME_SPENT = (-24, 24, 152)


class Verdict(StrEnum):
    """What the tests said to a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    """The tests did not end in time: noticed as well."""
    SURVIVED = "survived"
    """No test failed, or none reaches the place."""
    EQUIVALENT = "equivalent"
    """No test failed, and a person has found that none can."""
    BROKEN = "broken"
    """The run itself failed; it says nothing."""


@dataclass(frozen=True, slots=True)
class Equivalent:
    """A mutant that changes nothing anyone could notice, and the reason."""

    function: str
    """Dotted, without the number that mutmut adds."""
    was: str
    becomes: str
    reason: str

    def matches(self, name: str, diff: str) -> bool:
        """Return whether it is this mutant: same function, same lines gone and come."""
        return (
            self.function == function_of(name)
            and _lines(diff, "-") == self.was.split("\n")
            and _lines(diff, "+") == self.becomes.split("\n")
        )


@dataclass(slots=True)
class Count:
    """How many mutants of a module had which verdict."""

    killed: int = 0
    timeout: int = 0
    survived: int = 0
    equivalent: int = 0
    broken: int = 0

    @property
    def tried(self) -> int:
        """Return how many have a verdict."""
        return self.killed + self.timeout + self.survived + self.equivalent

    @property
    def raw_score(self) -> float:
        """Return the share noticed of all tried, a fraction."""
        return _share(self.killed + self.timeout, self.tried)

    @property
    def score(self) -> float:
        """Return the share noticed of those that can be noticed, a fraction."""
        return _share(self.killed + self.timeout, self.tried - self.equivalent)


def function_of(name: str) -> str:
    """Return the dotted function of a mutant: `a.b.xǁFooǁbar__mutmut_3` is `a.b.Foo.bar`."""
    module, _, mangled = name.partition("__mutmut_")[0].rpartition(".")
    bare = mangled.removeprefix("xǁ").replace("ǁ", ".") if "ǁ" in mangled else mangled[2:]
    return f"{module}.{bare}"


def verdict_of(code: int | None) -> Verdict:
    """Return the verdict that pytest's exit status stands for."""
    if code in (TESTS_FAILED, INTERNAL_ERROR):
        return Verdict.KILLED
    if code == PASSED or code in NO_TESTS:
        return Verdict.SURVIVED
    return Verdict.TIMEOUT if code in CPU_TIME_SPENT else Verdict.BROKEN


def read_equivalents(path: Path) -> list[Equivalent]:
    """Return the mutants of the file that change nothing."""
    stored = tomllib.loads(path.read_text(encoding="utf-8"))
    return [Equivalent(**one) for one in stored["mutant"]]


def by_module(verdicts: Mapping[str, Verdict]) -> dict[str, Count]:
    """Return the counts of each module, and of all as `total`, from verdicts by mutant."""
    counts: dict[str, Count] = {}
    for name, verdict in sorted(verdicts.items()):
        for key in (_module_of(name), "total"):
            count = counts.setdefault(key, Count())
            setattr(count, verdict, getattr(count, verdict) + 1)
    counts["total"] = counts.pop("total", Count())
    return counts


def _module_of(name: str) -> str:
    return name.partition("__mutmut_")[0].rpartition(".")[0].removeprefix("pumpwatch.domain.")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _lines(diff: str, sign: str) -> list[str]:
    """Return the lines a diff removes or adds, without their indentation."""
    heading = sign * 3
    return [
        line[1:].strip()
        for line in diff.splitlines()
        if line.startswith(sign) and not line.startswith(heading)
    ]
