"""The stage mutmut plays on: a folder laid out as it expects, and its commands.

mutmut takes a module's name from its path, so the package must lie at the top; here it lies two
folders down. The stage has links instead of copies: mutmut makes its own and leaves ours alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGE = ROOT / "build" / "mutation"
PACKAGE = Path("pumpwatch/domain")
LINKS = {
    "pumpwatch": "layers/pumpwatch/pumpwatch",
    "tests": "tests",
    "docs": "docs",
    "pyproject.toml": "pyproject.toml",
}


def set_stage() -> None:
    """Make the folder anew: what an earlier run has left must not count."""
    if STAGE.exists():
        shutil.rmtree(STAGE)
    STAGE.mkdir(parents=True)
    for name, target in LINKS.items():
        (STAGE / name).symlink_to(ROOT / target)


def mutants_by_module() -> dict[str, list[str]]:
    """Return the names of all mutants there are, by module."""
    # Only `make mutation` installs it; the rest of this package is tested without.
    from mutmut.mutation.file_mutation import mutate_file_contents  # noqa: PLC0415
    from mutmut.utils.format_utils import get_mutant_name  # noqa: PLC0415

    found: dict[str, list[str]] = {}
    for path in sorted((STAGE / PACKAGE).rglob("*.py")):
        relative = path.relative_to(STAGE)
        mutated = mutate_file_contents(str(relative), path.read_text(encoding="utf-8"))
        names = [get_mutant_name(relative, name) for name in mutated.mutant_names]
        if names:
            found[str(relative.relative_to(PACKAGE))] = names
    return found


def run(names: list[str], *, processes: int) -> int:
    """Plant the faults, run the tests that reach them, and return mutmut's exit status."""
    mutmut = Path(sys.executable).with_name("mutmut")
    command = [mutmut, "run", "--max-children", str(processes), *names]
    return subprocess.run(command, cwd=STAGE, check=False).returncode


def exit_codes() -> dict[str, int | None]:
    """Return pytest's exit status for each mutant, None where it has not been tried."""
    codes: dict[str, int | None] = {}
    for path in sorted((STAGE / "mutants" / PACKAGE).rglob("*.py.meta")):
        codes.update(json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"])
    return codes


def diff_of(name: str) -> str:
    """Return what the mutant changes, as a unified diff without its headings."""
    command = [Path(sys.executable).with_name("mutmut"), "show", name]
    shown = subprocess.run(command, cwd=STAGE, check=True, capture_output=True, text=True)
    return shown.stdout
