"""The pages' tiles and tables on a terminal."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Literal

from rich.console import Console
from rich.table import Table as TerminalTable
from rich.text import Text

from pumpwatch_workbench.pages.tables import PageTable, Tile

WIDE = 120
"""Columns of what goes to a file or a pipe."""
ROOMY, PROSE = 100, 20
"""Columns from which tables are airy; those that text needs at least."""


def wide_enough(console: Console, width: int = WIDE) -> Console:
    """Return the console, or for a file or a pipe one of a fixed width."""
    return (
        console if console.is_terminal else Console(file=console.file, width=width, highlight=False)
    )


def fitting_table(
    headings: Sequence[str],
    rows: Iterable[Sequence[Text]],
    dropped: Sequence[int],
    width: int,
    left: Container[int] = (0,),
) -> TerminalTable:
    """Return a table whose figures are never cut: what does not fit are whole columns.

    `dropped` has the columns that may go, the first one first. Those of `left` are
    aligned to the left.
    """
    gap = 1 if width < ROOMY else 2
    columns = dict(enumerate(zip(map(Text, headings), *rows, strict=True)))
    wide = {n: gap + max(text.cell_len for text in column) for n, column in columns.items()}
    for n in dropped:
        if sum(wide[kept] for kept in columns) - gap > width:
            del columns[n]
    table = TerminalTable(box=None, padding=(0, gap, 0, 0), pad_edge=False)
    for n in columns:
        justify: Literal["left", "right"] = "left" if n in left else "right"
        style = "dim" if n else "bold"
        table.add_column(headings[n], justify=justify, header_style=style, no_wrap=True)
    for cells in [*zip(*columns.values(), strict=True)][1:]:
        table.add_row(*cells)
    return table


def tiles_grid(tiles: Iterable[Tile]) -> TerminalTable:
    """Return the summary's figures, one a line."""
    grid = TerminalTable.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column(justify="right", style="bold")
    grid.add_column(style="dim")
    for tile in tiles:
        grid.add_row(tile.label, Text(tile.value), Text(tile.note))
    return grid


def terminal_table(table: PageTable, title: str, width: int) -> TerminalTable:
    """Return a page's table with another title and no frame, for so many columns of a terminal.

    Where it is too wide it has the columns that a phone shows; figures that still do not fit are
    folded, never cut.
    """
    chosen = list(range(len(table.columns)))
    if not _fits(table, chosen, width):
        chosen = [n for n in chosen if not table.columns[n].wide]
    fits = _fits(table, chosen, width)
    shown = TerminalTable(title=title, title_justify="left", title_style="bold", box=None)
    for column in (table.columns[n] for n in chosen):
        shown.add_column(
            column.heading,
            header_style="dim",
            justify="right" if column.numeric else "left",
            no_wrap=fits and not column.prose,
            overflow="fold",
        )
    for row in table.rows:
        shown.add_row(*(Text(row[n].text) for n in chosen))
    return shown


def print_tables(console: Console, tables: Mapping[str, PageTable]) -> None:
    """Print the tables that have rows, each under its title and with an empty line after it."""
    for title, table in tables.items():
        if table.rows:
            console.print(terminal_table(table, title, console.width), end="\n\n")


def _fits(table: PageTable, chosen: Iterable[int], width: int) -> bool:
    """Return whether the columns whose text does not wrap leave some room for those that do."""
    needed = 0
    for n in chosen:
        longest = max(
            len(text) for text in (table.columns[n].heading, *(r[n].text for r in table.rows))
        )
        needed += 2 + (min(longest, PROSE) if table.columns[n].prose else longest)
    return needed <= width
