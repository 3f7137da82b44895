"""Tiles and tables of the report pages, as text: no markup here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pumpwatch_workbench.pages.words import NOTHING, number

ROWS_AT_MOST = 500
"""Rows of a table on a page, the latest ones; JSON has all."""

Tone = Literal["", "good", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure of the summary."""

    label: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table; `href` makes it a link inside the page."""

    text: str
    tone: Tone = ""
    href: str = ""

    @classmethod
    def nothing(cls, text: str = NOTHING) -> Cell:
        """Return the cell of what is not known."""
        return cls(text, "quiet")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading and how it is set. The first column's cells head their rows.

    `wide` ones are left out on a narrow screen, the text of `prose` ones may wrap.
    """

    heading: str
    numeric: bool = False
    wide: bool = False
    prose: bool = False


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table with a caption; every row has one cell per column."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def columns_left_out(self) -> int:
        """Return how many columns a narrow screen does not show."""
        return sum(column.wide for column in self.columns)


def texts(*headings: str, wide: bool = False, prose: bool = False) -> tuple[Column, ...]:
    """Return columns of text."""
    return tuple(Column(heading, wide=wide, prose=prose) for heading in headings)


def numbers(*headings: str, wide: bool = False) -> tuple[Column, ...]:
    """Return columns of figures."""
    return tuple(Column(heading, numeric=True, wide=wide) for heading in headings)


def row(*cells: Cell | str) -> tuple[Cell, ...]:
    """Return a table's row; plain text needs no tone and no link."""
    return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)


def counts_table(caption: str, heading: str, counts: Sequence[tuple[str, int]]) -> PageTable:
    """Return reasons with how often each occurred."""
    columns = (*texts(heading, prose=True), *numbers("Times"))
    return PageTable(caption, columns, tuple(row(name, number(times)) for name, times in counts))


def latest(what: str, count: int) -> str:
    """Return a caption that says how many earlier rows are not in the table, and where they are."""
    left = count - ROWS_AT_MOST
    return f"{what}; {left:,} earlier ones are only in --json." if left > 0 else f"{what}."
