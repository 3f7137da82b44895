"""Writes the pages of `docs/` that are made from the code, and lists of the menu: `make pages`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pumpwatch_workbench.deployment import COSTS_PAGE
from pumpwatch_workbench.operations.costs.page import costs_page
from tools.documentation.command_line import PAGE as COMMAND_LINE
from tools.documentation.command_line import command_line_page
from tools.documentation.configuration import PAGE as CONFIGURATION
from tools.documentation.configuration import configuration_page
from tools.documentation.decisions import PAGE as DECISIONS
from tools.documentation.decisions import decisions_page
from tools.documentation.menu import SETTINGS, settings_with_menu
from tools.documentation.metrics import PAGE as METRICS
from tools.documentation.metrics import metrics_page

GENERATED: dict[Path, Callable[[], str]] = {
    CONFIGURATION: configuration_page,
    COMMAND_LINE: command_line_page,
    COSTS_PAGE: costs_page,
    METRICS: metrics_page,
    DECISIONS: decisions_page,
    SETTINGS: settings_with_menu,
}
"""Each file and what makes its text; tests hold the one to the other."""


def write_pages() -> None:
    """Write them all."""
    for path, make in GENERATED.items():
        path.write_text(make(), encoding="utf-8")


if __name__ == "__main__":
    write_pages()
