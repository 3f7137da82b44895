"""The scripts that draw charts, a library and ours, and the style whose colours they take."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from pumpwatch.errors import BadInput


@cache
def chart_script() -> str:
    """Return TradingView's lightweight-charts, as the wheel of that name has it.

    The wheel is never imported: its Python half needs pandas. Raises `BadInput` without it.
    """
    spec = find_spec("lightweight_charts")
    if spec is None or not spec.submodule_search_locations:
        raise BadInput("charts need the package lightweight-charts: pip install lightweight-charts")
    folder = Path(spec.submodule_search_locations[0])
    return (folder / "js" / "lightweight-charts.js").read_text(encoding="utf-8")


def drawing_script() -> str:
    """Return our script: `pumpwatchCharts.draw(element, data)`."""
    return (files("pumpwatch_workbench.pages") / "charts.js").read_text(encoding="utf-8")


def base_style() -> str:
    """Return the colours and basics of every page."""
    return (files("pumpwatch_workbench.pages") / "templates" / "base.css").read_text("utf-8")
