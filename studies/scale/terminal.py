"""The study on the terminal."""

from __future__ import annotations

import math
from typing import Literal

from rich.console import Console
from rich.table import Table as TerminalTable
from rich.text import Text

from .study import Study
from .tables import tables

WIDE = 160
"""Columns of what goes to a file or a pipe."""


def print_study(study: Study, console: Console) -> None:
    """Print the tables of the page, one under the other."""
    if not console.is_terminal:
        console = Console(file=console.file, width=WIDE)
    for table in tables(study):
        shown = TerminalTable(
            title=table.caption, title_justify="left", title_style="bold", box=None
        )
        for column in table.columns:
            justify: Literal["left", "right"] = "right" if column.numeric else "left"
            shown.add_column(column.heading, header_style="dim", justify=justify)
        for row in table.rows:
            shown.add_row(*(Text(cell.text) for cell in row))
        console.print(shown)
        console.print()
    console.print(f"{error_words(study)}.", highlight=False)


def error_words(study: Study) -> str:
    """Return how wrong the lines are where they were checked."""
    parts = [
        f"{name.removesuffix('_seconds').removesuffix('_bytes')} {round(error, 2) + 0.0:+.0%}"
        for name, error in study.errors.items()
        if not math.isnan(error)
    ]
    return (
        f"The lines through the smaller markets, against {study.checked.symbols:,} symbols"
        f" measured: {', '.join(parts)}"
    )
