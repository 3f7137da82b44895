"""Adds to a wheel the files outside its packages that commands read, see pyproject.toml.

An editable install reads them in the checkout.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "pumpwatch_workbench/deployment"
FILES = ("template.yaml", "functions", "benchmarks/results.json")


class WheelFiles(BuildHookInterface[Any]):
    """The build hook that hatchling calls."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files; `version` is "standard" for a wheel."""
        if version == "standard":
            build_data["force_include"].update({name: f"{FOLDER}/{name}" for name in FILES})
