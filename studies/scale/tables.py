"""The study's tables as text, for the terminal and for the page."""

from __future__ import annotations

from pumpwatch_workbench.pages.tables import Cell, Column, Table

from .limits import LIMITS
from .study import Study, TickRow, UserRow

MANY_TIMES = 10
SHOWN_NARROW = {
    *("symbols", "movers", "CPU", "wall", "$ a month"),
    *("shape", "users", "$ a user"),
    *("way", "99 % after"),
}
"""Columns that a phone shows."""
SHOWN = 4
"""Limits of an axis that are shown."""


def tables(study: Study) -> tuple[Table, ...]:
    """Return the tick's cost, the users, what is met first, and the orders' delays."""
    return _ticks(study), _users(study), _met(study), _fanout(study)


def _ticks(study: Study) -> Table:
    headings = (
        "symbols", "movers", "source", "CPU", "wall", "requests", "memory", "answer", "bucket",
        "$ a month", "tightest limit", "taken",
    )  # fmt: skip
    rows = tuple(_row(*_tick_cells(row)) for row in study.tick_rows)
    return Table("A detect tick, and a month of one installation", _columns(headings), rows)


def _tick_cells(row: TickRow) -> tuple[str, ...]:
    moved = row.bucket_megabytes
    bucket = "" if moved is None else f"{moved:.1f} MB"
    return (
        f"{row.symbols:,}",
        f"{row.movers}",
        "measured" if row.measured else "line",
        f"{row.cpu_seconds * 1000:.0f} ms",
        f"{row.wall_seconds * 1000:.0f} ms",
        f"{row.requests:.0f}",
        f"{row.megabytes:.0f} MB",
        f"{row.answer_megabytes:.2f} MB",
        bucket,
        f"{row.dollars:.2f}",
        *_tightest(row),
    )


def _users(study: Study) -> Table:
    headings = (
        "shape", "users", "exchanges", "$ a month", "$ a user", "of it keys", "of it metrics",
        "tightest limit", "taken",
    )  # fmt: skip
    rows = []
    for row in study.user_rows:
        cost = row.dollars
        rows.append(
            _row(
                str(row.shape),
                f"{row.users:,}",
                f"{row.exchanges}",
                f"{cost.total:,.2f}",
                f"{cost.total / row.users:,.2f}",
                f"{cost.keys:,.0f}",
                f"{cost.metrics:,.0f}",
                *_tightest(row),
            )
        )
    return Table("Users", _columns(headings, text=("shape",)), tuple(rows))


def _met(study: Study) -> Table:
    rows = []
    for axis, found in study.met.items():
        for one in found[:SHOWN]:
            limit = one.use.limit
            rows.append(
                _row(
                    axis,
                    limit.name + (" (assumed)" if limit.assumed else ""),
                    f"{one.value:,}",
                    f"{limit.value:,.0f} {limit.unit}",
                )
            )
    columns = (
        Column("as this grows"),
        Column("limit", prose=True),
        Column("is exceeded from", numeric=True),
        Column("there is", wide=True),
    )
    return Table("The limits that are met first", columns, tuple(rows))


def _fanout(study: Study) -> Table:
    headings = ("way", "users", "addresses", "half have ordered after", "99 % after")
    rows = tuple(
        _row(
            row.way,
            f"{row.users:,}",
            f"{row.addresses:,}",
            f"{row.p50:,.1f} s",
            f"{row.p99:,.1f} s",
        )
        for row in study.fanout
    )
    caption = "From a signal to the acknowledged orders (simulated)"
    return Table(caption, _columns(headings, text=("way",)), rows)


def _tightest(row: TickRow | UserRow) -> tuple[str, str]:
    taken = f"{row.share:.0%}" if row.share < MANY_TIMES else f"{row.share:,.0f} times"
    return LIMITS[row.tightest].name, taken


def _columns(headings: tuple[str, ...], text: tuple[str, ...] = ()) -> tuple[Column, ...]:
    words = {"tightest limit", "source", *text}
    return tuple(
        Column(
            one,
            numeric=one not in words,
            wide=one not in SHOWN_NARROW,
            prose=one in ("tightest limit", "way"),
        )
        for one in headings
    )


def _row(*texts: str) -> tuple[Cell, ...]:
    return tuple(Cell(text) for text in texts)
