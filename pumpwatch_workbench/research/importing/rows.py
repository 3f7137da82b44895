"""Make candles and trades of a table's rows; count those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pumpwatch.domain.market.candles import IntArray
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.recordings.soundness import HIGHEST, LOWEST, MOST

UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
LEAST, MICROSECONDS = np.array([1e11, 1e14, 1e17]), np.array([1e6, 1e3, 1, 1e-3])
"""From these numbers on a time is in the next unit (years 1973 to 5138); microseconds of each."""
EARLIEST, LATEST = 1_230_768_000_000, 4_102_444_800_000
"""2009, before which there was no coin, and 2100."""
READABLE = {"without a readable time": pl.col("time").is_between(EARLIEST, LATEST)}
SIDES = {"buy": "Buy", "sell": "Sell", "true": "Sell", "false": "Buy"}
"""True: the buyer was the maker, so the taker sold."""


@dataclass(slots=True)
class LeftOut:
    """Rows that were left out, by kind, each with the place of the first."""

    rows: dict[str, int] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def take(self, table: pl.DataFrame, checks: Mapping[str, pl.Expr]) -> pl.DataFrame:
        """Return the rows that pass all checks; count the others under the first they fail."""
        for kind, check in checks.items():
            passed = table.select(check.fill_null(value=False)).to_series()
            bad = table.filter(~passed)
            if bad.height:
                self.rows[kind] = self.rows.get(kind, 0) + bad.height
                self.first.setdefault(kind, f"{bad['file'][0]} line {bad['line'][0]}")
                table = table.filter(passed)
        return table


def times_of(column: pl.Series) -> tuple[IntArray, list[str]]:
    """Return milliseconds UTC, 0 for what is no time, and the units of those that are."""
    number = column.cast(pl.Float64, strict=False)
    if column.dtype.is_temporal() or number.is_null().all():
        zone = getattr(column.dtype, "time_zone", None)
        dates = _dates(column) if column.dtype == pl.String else column.cast(pl.Datetime("us", zone))
        return (dates.dt.epoch() // 1000).fill_null(0).to_numpy(), ["dates"]
    values = number.fill_null(0).to_numpy()
    place = np.searchsorted(LEAST, values, side="right")
    micro = np.nan_to_num(values * MICROSECONDS[np.minimum(place, 3)], posinf=0, neginf=0)
    times = np.rint(np.clip(micro, 0, 1e17)).astype(np.int64) // 1000
    return times, [UNITS[unit] for unit in np.unique(place[times >= EARLIEST])]


def _dates(column: pl.Series) -> pl.Series:
    """Read `2025-01-01`, `2025/01/01 00:00` and ISO 8601; without a zone it is UTC."""
    text = column.str.strip_chars().str.replace_all("/", "-").str.replace(r" ?(Z|UTC)$", "")
    text = text.str.replace(r"^(\S{10})$", "${1}T00:00").str.replace(" ", "T")
    text = text.str.replace(r"(T\d\d:\d\d)([+-]|$)", "${1}:00${2}")
    text = text.str.replace(r"(T[0-9:.]+)$", "${1}+00:00")
    return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False)


def step_of(times: IntArray) -> int:
    """Return the most frequent step, 0 where there is none; it is the candles' length.

    Where minutes without a trade are missing it still is: longer steps are rarer.
    """
    steps = np.diff(np.unique(times[(EARLIEST <= times) & (times <= LATEST)]))
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[np.argmax(counts)]) if len(lengths) else 0


def candles_of(rows: pl.DataFrame, length: int, left_out: LeftOut) -> pl.DataFrame:
    """Return the sound candles; a missing turnover is close times volume."""
    if "turnover" not in rows.columns:
        rows = rows.with_columns(turnover=None)
    names = ("open", "high", "low", "close", "volume", "turnover")
    table = rows.with_columns(pl.col(name).cast(pl.Float64, strict=False) for name in names)
    table = table.with_columns(pl.col("turnover").fill_null(pl.col("close") * pl.col("volume")))
    body = ("open", "close")
    checks = {
        **READABLE,
        "not on a full minute": pl.col("time") % min(length or MINUTE, MINUTE) == 0,
        "with a price that is missing, zero or negative": _within(names[:4], LOWEST, HIGHEST),
        "with a high or low that does not enclose the other prices": (
            (pl.col("low") <= pl.min_horizontal(*body, "high"))
            & (pl.max_horizontal(*body) <= pl.col("high"))
        ),
        "with a volume or turnover that is missing or negative": _within(names[4:], 0, MOST),
    }
    return left_out.take(table, checks).select("time", *names, "file", "line")


def trades_of(rows: pl.DataFrame, left_out: LeftOut) -> pl.DataFrame:
    """Return the sound trades; `id` is null where the file has none."""
    table = rows.with_columns(
        pl.col("price", "quantity").cast(pl.Float64, strict=False),
        pl.col("side").cast(pl.String).str.to_lowercase().replace_strict(SIDES, default=None),
        id=pl.col("id").cast(pl.String) if "id" in rows.columns else None,
    )
    checks = {
        **READABLE,
        "with a price that is missing, zero or negative": _within(["price"], LOWEST, HIGHEST),
        "with a quantity that is missing, zero or negative": _within(["quantity"], LOWEST, MOST),
        "with a side that is neither buy nor sell": pl.col("side").is_not_null(),
    }
    return left_out.take(table, checks).select(
        "time", "price", "quantity", "side", pl.col("id").cast(pl.String), "file", "line"
    )


def minutes_of(table: pl.DataFrame) -> pl.DataFrame:
    """Return one-minute candles of shorter ones, or of trades, in order of time."""
    if "price" in table.columns:
        prices = {name: pl.col("price") for name in ("open", "high", "low", "close")}
        turnover = pl.col("price") * pl.col("quantity")
        table = table.with_columns(**prices, volume="quantity", turnover=turnover)
    return table.group_by(pl.col("time") // MINUTE * MINUTE, maintain_order=True).agg(
        pl.first("open"), pl.max("high"), pl.min("low"), pl.last("close"),
        pl.sum("volume"), pl.sum("turnover"),
    )  # fmt: skip


def _within(names: list[str] | tuple[str, ...], least: float, most: float) -> pl.Expr:
    return pl.all_horizontal(pl.col(name).is_between(least, most, closed="left") for name in names)
