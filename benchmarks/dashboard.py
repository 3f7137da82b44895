"""The live page in a browser, measured by what its tests have: first paint, bytes, CPU."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path


def measure() -> dict[str, float]:
    """Return the figures of a store with 1,000 symbols and 50 events, watched by three browsers."""
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    figures: dict[str, float] = import_module("support.dashboard_figures").figures()
    return figures
