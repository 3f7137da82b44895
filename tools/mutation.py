"""Let mutmut plant a seeded sample of small faults in domain/: `make mutation SEED=1 COUNT=500`.

mutmut takes a module's name from its path, so it runs in a folder of links where the package lies
at the top. It prints the survivors; exit status 1 when too many survived. pyproject.toml says which
tests must notice the faults, docs/testing.md how to read the result.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

from mutmut.mutation.file_mutation import mutate_file_contents
from mutmut.utils.format_utils import get_mutant_name

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "mutation"
DOMAIN = Path("pumpwatch/domain")
LINKS = {"pumpwatch": "layers/pumpwatch/pumpwatch"} | {
    name: name for name in ("pumpwatch_workbench", "tests", "benchmarks", "docs", "pyproject.toml")
}
RESULTS = ROOT / "benchmarks" / "results.json"
ENOUGH = 0.95


def main(seed: int, count: int) -> int:
    """Plant so many faults, chosen by the seed, and report."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    for name, target in LINKS.items():
        (FOLDER / name).symlink_to(ROOT / target)
    names = _mutants()
    sample = random.Random(seed).sample(names, min(count, len(names)))  # noqa: S311
    mutmut = [sys.executable, "-m", "mutmut"]
    subprocess.run([*mutmut, "run", *sample], cwd=FOLDER, check=True)
    subprocess.run([*mutmut, "export-cicd-stats"], cwd=FOLDER, check=True)
    results = subprocess.check_output([*mutmut, "results"], cwd=FOLDER, text=True)
    survivors = [line for line in results.splitlines() if line.endswith(": survived")]
    counts = json.loads((FOLDER / "mutants/mutmut-cicd-stats.json").read_text())
    noticed = counts["killed"] + counts["timeout"]
    share = noticed / len(sample)
    figures = {"planted": len(sample), "noticed": noticed, "share": round(share, 4)}
    figures |= {"seed": seed, "places": len(names)}
    merged = json.loads(RESULTS.read_text()) | {"mutation": figures}
    RESULTS.write_text(json.dumps(merged, indent=2, sort_keys=True) + "\n")
    print(*survivors, f"{noticed} of {len(sample)} faults were noticed, {share:.1%}", sep="\n")
    return 0 if share >= ENOUGH else 1


def _mutants() -> list[str]:
    """Return the name of every fault that can be planted."""
    names = []
    for path in sorted((FOLDER / DOMAIN).rglob("*.py")):
        place = path.relative_to(FOLDER)
        mutated = mutate_file_contents(str(place), path.read_text(encoding="utf-8"))
        names += [get_mutant_name(place, name) for name in mutated.mutant_names]
    return names


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
