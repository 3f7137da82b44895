"""Make candles and trades of a table's rows; count those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pumpwatch.domain.market.candles import IntArray
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.recordings.parquet import PRICES
from pumpwatch_workbench.recordings.soundness import HIGHEST, LOWEST, MOST

UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
LEAST, MICROSECONDS = np.array([1e11, 1e14, 1e17]), np.array([1e6, 1e3, 1, 1e-3])
"""From these numbers on a time is in the next unit (years 1973 to 5138); microseconds of each."""
EARLIEST, LATEST = 1_230_768_000_000, 4_102_444_800_000
"""2009, before which there was no coin, and 2100."""
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
            if not passed.all():
                bad = table.filter(~passed)
                self.rows[kind] = self.rows.get(kind, 0) + bad.height
                self.first.setdefault(kind, f"{bad['file'][0]} line {bad['line'][0]}")
                table = table.filter(passed)
        return table


def times_of(column: pl.Series) -> tuple[IntArray, list[str]]:
    """Return milliseconds UTC, 0 for what is no time, and the units of those that are."""
    number = column.cast(pl.Float64, strict=False)
    if column.dtype.is_temporal() or number.is_null().all():
        zone = getattr(column.dtype, "time_zone", None)
        dates = (
            _dates(column) if column.dtype == pl.String else column.cast(pl.Datetime("us", zone))
        )
        return (dates.dt.epoch() // 1000).fill_null(0).to_numpy(), ["dates"]
    values = number.fill_null(0).to_numpy()
    place = np.searchsorted(LEAST, values, side="right")
    micro = np.clip(np.nan_to_num(values * MICROSECONDS[place.clip(max=3)]), 0, 1e17)
    times = np.rint(micro).astype(np.int64) // 1000
    return times, [UNITS[unit] for unit in np.unique(place[_is_time(times)])]


def _is_time(times: IntArray) -> np.ndarray:
    return (times >= EARLIEST) & (times <= LATEST)


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
    lengths, counts = np.unique(np.diff(np.unique(times[_is_time(times)])), return_counts=True)
    return int(lengths[np.argmax(counts)]) if len(lengths) else 0


def sound_rows(rows: pl.DataFrame, length: int, left_out: LeftOut) -> pl.DataFrame:
    """Return the sound candles of a length, or trades where that is 0.

    A missing turnover is close times volume; a missing id is null.
    """
    low, high, body = pl.col("low"), pl.col("high"), ("open", "close")
    checks = {"without a readable time": pl.col("time").is_between(EARLIEST, LATEST)}
    if length:
        if "turnover" not in rows.columns:
            rows = rows.with_columns(turnover=pl.col("close") * pl.col("volume"))
        columns = [*PRICES, "volume", "turnover"]
        checks |= {
            "not on a full minute": pl.col("time") % min(length, MINUTE) == 0,
            "with a price that is missing, zero or negative": _within(PRICES, LOWEST, HIGHEST),
            "with a high or low that does not enclose the other prices": (
                (low <= pl.min_horizontal(*body)) & (pl.max_horizontal(*body) <= high)
            ),
            "with a volume or turnover that is missing or negative": _within(columns[4:], 0, MOST),
        }
    else:
        text = pl.col("id").cast(pl.String) if "id" in rows.columns else pl.lit(None, pl.String)
        side = pl.col("side").cast(pl.String).str.to_lowercase()
        rows = rows.with_columns(side.replace_strict(SIDES, default=None), id=text)
        columns = ["price", "quantity", "side", "id"]
        checks |= {
            "with a price that is missing, zero or negative": _within(["price"], LOWEST, HIGHEST),
            "with a quantity that is missing or zero": _within(["quantity"], LOWEST, MOST),
            "with a side that is neither buy nor sell": pl.col("side").is_not_null(),
        }
    return left_out.take(rows, checks).select("time", *columns, "file", "line")


def minutes_of(table: pl.DataFrame) -> pl.DataFrame:
    """Return one-minute candles of shorter ones, or of trades, in order of time."""
    if "price" in table.columns:
        turnover = pl.col("price") * pl.col("quantity")
        prices = {name: pl.col("price") for name in PRICES}
        table = table.with_columns(**prices, volume="quantity", turnover=turnover)
    return table.group_by(pl.col("time") // MINUTE * MINUTE, maintain_order=True).agg(
        pl.first("open"), pl.max("high"), pl.min("low"), pl.last("close"),
        pl.sum("volume"), pl.sum("turnover"),
    )  # fmt: skip


def _within(names: Sequence[str], least: float, most: float) -> pl.Expr:
    return pl.all_horizontal(pl.col(name).is_between(least, most, closed="left") for name in names)
