"""Play worlds until the promise breaks: what a process does that imports a planted bug.

`python -m workbench.campaign.hunt FIRST COUNT PACKAGE` prints the first broken world as JSON, null
when the promise held in all of them. PACKAGE is the folder that `pumpwatch` must come from.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pumpwatch

from .world import play

__all__ = ["first_broken"]


def first_broken(first: int, count: int) -> dict[str, object] | None:
    """Return seed and reason of the first world in which the promise breaks, or trading crashes."""
    for seed in range(first, first + count):
        try:
            why = play(seed).broken
        except Exception as error:  # whatever a bug leads to
            why = f"crash: {type(error).__name__}: {error}"
        if why:
            return {"seed": seed, "why": why}
    return None


if __name__ == "__main__":
    first, count, package = sys.argv[1:]
    if not Path(str(pumpwatch.__file__)).is_relative_to(package):
        sys.exit(f"pumpwatch comes from {pumpwatch.__file__}, not from {package}")
    json.dump(first_broken(int(first), int(count)), sys.stdout)
