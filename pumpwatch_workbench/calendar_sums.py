"""Sums of each day, ISO week or month, UTC: also of those in which nothing happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

from pumpwatch.domain.moments import DAY
from pumpwatch_workbench.export import Tables, frame_of
from pumpwatch_workbench.pages.tables import ROWS_AT_MOST, Cell, Column, PageTable, latest, texts
from pumpwatch_workbench.pages.words import money, number, signed_money

DAYS, WEEKS, MONTHS = "%Y-%m-%d", "%G-W%V", "%Y-%m"
FIGURES: tuple[tuple[str, str, Callable[[Any], str], bool], ...] = (
    ("trades", "Trades", number, False),
    ("won", "Won", number, True),
    ("result_usdt", "Result, USDT", signed_money, False),
    ("fees_usdt", "Fees", money, True),
    ("largest_loss_usdt", "Largest loss", signed_money, True),
    ("events", "Events", number, False),
    ("denied", "Not entered", number, True),
    ("equity_usdt", "Equity at its end", money, False),
)
"""Column, heading, writer, and whether a narrow screen leaves it out."""


def calendar_of(tables: Tables, begin: int, end: int, form: str) -> list[dict[str, Any]]:
    """Return the sums from the first span in [begin, end) of which anything is known.

    Trades count by their exit; equity is the last that was known by then.
    """
    known = [tables.trades["signal_time"], tables.events["alarm_time"], tables.equity["time"]]
    first = max(begin, min(pl.concat(known).dt.timestamp("ms"), default=end))
    days = frame_of([[time] for time in range(first // DAY * DAY, end, DAY)], "time")

    def in_span(frame: pl.DataFrame, column: str, **sums: pl.Expr) -> pl.DataFrame:
        return frame.group_by(pl.col(column).dt.strftime(form).alias("span")).agg(**sums)

    result = pl.col("realised_pnl_usdt")
    parts = [
        in_span(
            tables.trades.filter(state="closed"),
            "exit_time",
            trades=pl.len(),
            won=(result > 0).sum(),
            result_usdt=result.sum().round(8),
            fees_usdt=pl.sum("fees_usdt").round(8),
            largest_loss_usdt=result.filter(result < 0).min(),
        ),
        in_span(tables.events, "alarm_time", events=pl.len()),
        in_span(tables.trades.filter(state="dropped"), "signal_time", denied=pl.len()),
        in_span(tables.equity, "time", equity_usdt=pl.last("equity_usdt")),
    ]
    spans = in_span(days, "time").sort("span")
    for part in parts:
        spans = spans.join(part, on="span", how="left", maintain_order="left")
    counted = pl.exclude("largest_loss_usdt", "equity_usdt").fill_null(0)
    return spans.with_columns(counted, pl.col("equity_usdt").forward_fill()).to_dicts()


def calendar_table(heading: str, sums: Sequence[Mapping[str, Any]]) -> PageTable:
    """Return a row for each span, the latest last."""
    shown = [Column(name, numeric=True, wide=wide) for _, name, _, wide in FIGURES]
    rows = tuple(
        (Cell(span["span"]), *(Cell(write(span[key])) for key, _, write, _ in FIGURES))
        for span in sums[-ROWS_AT_MOST:]
    )
    caption = f"Each {heading.lower()} of UTC, trades by their exit; the first and last may be cut"
    return PageTable(latest(caption, len(sums)), (*texts(heading), *shown), rows)
