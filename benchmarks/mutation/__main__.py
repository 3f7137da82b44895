"""Try a seeded sample of mutants, print a table by module and write mutation.json.

Exit status: 0 when enough were noticed, 1 when too few or a run broke, 2 for bad input.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.mutation import stage
from benchmarks.mutation.sampling import sample
from benchmarks.mutation.verdicts import (
    Count,
    Verdict,
    by_module,
    function_of,
    read_equivalents,
    verdict_of,
)

ENOUGH = 0.85
EQUIVALENTS = Path(__file__).with_name("equivalents.toml")
RESULT = Path(__file__).parents[1] / "mutation.json"


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="make mutation", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the sample")
    parser.add_argument("--count", type=int, default=500, help="mutants to try, at least 1")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="at least 1")
    chosen = parser.parse_args()
    if min(chosen.count, chosen.processes) < 1:
        parser.error("--count and --processes must be at least 1")
    stage.set_stage()
    mutants = stage.mutants_by_module()
    names = sample(mutants, seed=chosen.seed, count=chosen.count)
    status = stage.run(names, processes=chosen.processes)
    codes = stage.exit_codes()
    if status != 0 or any(codes.get(name) is None for name in names):
        print(f"mutmut ended with status {status} before it had tried all mutants; see above")
        return 1
    return _report(
        {name: verdict_of(codes[name]) for name in names},
        seed=chosen.seed,
        there_are=sum(len(of_module) for of_module in mutants.values()),
    )


def _report(verdicts: dict[str, Verdict], *, seed: int, there_are: int) -> int:
    survivors: list[dict[str, str]] = []
    known = read_equivalents(EQUIVALENTS)
    for name, verdict in verdicts.items():
        if verdict is not Verdict.SURVIVED:
            continue
        diff = stage.diff_of(name)
        if any(one.matches(name, diff) for one in known):
            verdicts[name] = Verdict.EQUIVALENT
        else:
            survivors.append({"function": function_of(name), "diff": diff})
            print(f"survived: {name}\n{diff}")
    counts = by_module(verdicts)
    _show(counts)
    _write(counts, survivors, verdicts, seed=seed, there_are=there_are)
    total = counts["total"]
    return 0 if total.score >= ENOUGH and not total.broken else 1


def _show(counts: Mapping[str, Count]) -> None:
    table = Table(title="mutants of domain/")
    for heading in ("module", "tried", "noticed", "timeout", "survived", "equivalent", "score"):
        table.add_column(heading, justify="left" if heading == "module" else "right")
    for module, count in counts.items():
        table.add_row(
            module,
            str(count.tried),
            str(count.killed),
            str(count.timeout),
            str(count.survived),
            str(count.equivalent),
            f"{count.score:.1%}",
        )
    Console().print(table)
    total = counts["total"]
    print(f"{total.score:.1%} of the mutants that can be noticed, {total.raw_score:.1%} of all")


def _write(
    counts: Mapping[str, Count],
    survivors: list[dict[str, str]],
    verdicts: Mapping[str, Verdict],
    *,
    seed: int,
    there_are: int,
) -> None:
    total = counts["total"]
    result = {
        "seed": seed,
        "mutants": there_are,
        "tried": total.tried,
        "score": round(total.score, 4),
        "raw_score": round(total.raw_score, 4),
        "modules": {module: asdict(count) for module, count in counts.items()},
        "survivors": survivors,
        "timeouts": sorted(n for n, verdict in verdicts.items() if verdict is Verdict.TIMEOUT),
        "mutmut": version("mutmut"),
        "python": sys.version.split()[0],
    }
    RESULT.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
