"""What chooses and judges mutants; the mutants themselves are tried by `make mutation`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.mutation import stage
from benchmarks.mutation.sampling import sample, shares
from benchmarks.mutation.verdicts import (
    Count,
    Equivalent,
    Verdict,
    by_module,
    function_of,
    read_equivalents,
    verdict_of,
)

sizes = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.integers(0, 500), max_size=20)


@given(sizes, st.integers(1, 3000))
def test_every_module_gives_its_share_and_never_more_than_it_has(sizes, count):
    chosen = shares(sizes, count)
    whole = sum(sizes.values())
    if count >= whole:
        assert chosen == sizes
        return
    # Modules too small for a share of their own give one each, beyond `count` if need be.
    raised = sum(0 < size * count / whole < 1 for size in sizes.values())
    assert count <= sum(chosen.values()) <= count + raised
    for module, size in sizes.items():
        assert bool(size) <= chosen.get(module, 0) <= size
        assert chosen.get(module, 0) < size * count / whole + 1 or size * count < whole


def test_a_large_module_gives_more():
    assert shares({"a": 300, "b": 100, "c": 1}, 40) == {"a": 29, "b": 10, "c": 1}


def test_a_sample_is_the_same_for_the_same_seed_and_another_for_another():
    mutants = {"a": [f"a{n}" for n in range(200)], "b": [f"b{n}" for n in range(100)]}
    first = sample(mutants, seed=1, count=30)
    assert first == sample(mutants, seed=1, count=30)
    assert first != sample(mutants, seed=2, count=30)
    assert len(set(first)) == 30
    assert Counter(name[0] for name in first) == {"a": 20, "b": 10}


@pytest.mark.parametrize(
    ("code", "verdict"),
    [
        (1, Verdict.KILLED),
        (0, Verdict.SURVIVED),
        (33, Verdict.SURVIVED),
        (-24, Verdict.TIMEOUT),
        (2, Verdict.BROKEN),
        (4, Verdict.BROKEN),
        (None, Verdict.BROKEN),
    ],
)
def test_only_a_failed_test_kills(code, verdict):
    assert verdict_of(code) is verdict


def test_the_score_leaves_out_only_what_cannot_be_noticed():
    count = Count(killed=80, timeout=4, survived=6, equivalent=10, broken=3)
    assert count.tried == 100
    assert count.raw_score == pytest.approx(0.84)
    assert count.score == pytest.approx(84 / 90)


def test_verdicts_are_counted_by_module():
    counts = by_module(
        {
            "pumpwatch.domain.trading.exits.x_may_exit__mutmut_1": Verdict.KILLED,
            "pumpwatch.domain.trading.exits.x_may_exit__mutmut_2": Verdict.SURVIVED,
            "pumpwatch.domain.detection.ewma.xǁEwmaǁdetect__mutmut_7": Verdict.TIMEOUT,
        }
    )
    assert list(counts) == ["detection.ewma", "exits", "total"]
    assert counts["exits"] == Count(killed=1, survived=1)
    assert counts["total"] == Count(killed=1, survived=1, timeout=1)


DIFF = """# pumpwatch.domain.trading.exits.x_may_exit__mutmut_3: survived
--- pumpwatch/domain/trading/exits.py
+++ pumpwatch/domain/trading/exits.py
@@ -1,3 +1,3 @@
 def may_exit(trade, now):
-    return trade.attempt > 1
+    return trade.attempt >= 1
"""


def test_an_equivalent_is_known_by_its_lines_not_by_its_number():
    known = Equivalent(
        "pumpwatch.domain.trading.exits.may_exit",
        "return trade.attempt > 1",
        "return trade.attempt >= 1",
        "because",
    )
    assert known.matches("pumpwatch.domain.trading.exits.x_may_exit__mutmut_3", DIFF)
    assert known.matches("pumpwatch.domain.trading.exits.x_may_exit__mutmut_9", DIFF)
    assert not known.matches("pumpwatch.domain.trading.exits.x_exit_due__mutmut_3", DIFF)
    changed = DIFF.replace(">= 1", "> 2")
    assert not known.matches("pumpwatch.domain.trading.exits.x_may_exit__mutmut_3", changed)


def test_functions_and_methods_have_readable_names():
    method = "pumpwatch.domain.detection.ewma.xǁEwmaǁ_look__mutmut_7"
    assert function_of(method) == "pumpwatch.domain.detection.ewma.Ewma._look"
    assert (
        function_of("pumpwatch.domain.trading.exits.x__at__mutmut_1")
        == "pumpwatch.domain.trading.exits._at"
    )


def test_every_equivalent_has_a_reason_and_its_line_is_still_there():
    for one in read_equivalents(Path(stage.__file__).with_name("equivalents.toml")):
        assert len(one.reason) > 20
        assert one.was != one.becomes
        owners = [
            path
            for path in (stage.ROOT / "layers/pumpwatch" / stage.PACKAGE).rglob("*.py")
            if one.function.startswith(dotted(path) + ".")
        ]
        module = max(owners, key=lambda path: len(dotted(path)))
        lines = {line.strip() for line in module.read_text(encoding="utf-8").splitlines()}
        assert set(one.was.split("\n")) <= lines, one


def dotted(path: Path) -> str:
    """Return the dotted name of a module."""
    relative = path.relative_to(stage.ROOT / "layers/pumpwatch").with_suffix("")
    return ".".join(part for part in relative.parts if part != "__init__")
