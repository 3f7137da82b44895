"""Make candles and trades of a table's rows; count those that cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from pumpwatch.domain.market.candles import IntArray
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings.parquet import PRICES
from pumpwatch_workbench.recordings.soundness import FAR, HIGHEST, LOWEST, MOST

UNITS = ("seconds", "milliseconds", "microseconds", "nanoseconds")
LEAST, MICROSECONDS = np.array([1e11, 1e14, 1e17]), np.array([1e6, 1e3, 1, 1e-3])
"""From these numbers on a time is in the next unit (years 1973 to 5138); microseconds of each."""
EARLIEST, LATEST = 1_230_768_000_000, 4_102_444_800_000
"""2009, before which there was no coin, and 2100."""
SIDES = {"buy": "Buy", "sell": "Sell", "true": "Sell", "false": "Buy"}
"""True: the buyer was the maker, so the taker sold."""


LeftOut = dict[str, tuple[int, str]]
"""How many rows were left out, by kind, and the place of the first."""


def take(table: pl.DataFrame, checks: Mapping[str, pl.Expr], left_out: LeftOut) -> pl.DataFrame:
    """Return the rows that pass all checks; count the others under the first they fail."""
    for kind, check in checks.items():
        passed = table.select(check.fill_null(value=False)).to_series()
        if not passed.all():
            bad = table.filter(~passed)
            rows, first = left_out.get(kind, (0, f"{bad['file'][0]} line {bad['line'][0]}"))
            left_out[kind] = rows + bad.height, first
            table = table.filter(passed)
    return table


def times_of(column: pl.Series) -> tuple[IntArray, set[str]]:
    """Return milliseconds UTC, 0 for what is no time, and their units; dates are UTC by default.

    Dates begin with the year; those that do not are in an order or a zone that nobody knows.
    """
    number = column.cast(pl.Float64, strict=False)
    if column.dtype == pl.String and number.is_null().all():
        text = column.str.extract(r"^(\d{4}[-/].+?)( UTC)?$")
        column = text.str.to_datetime(time_zone="UTC", strict=False)
    if isinstance(column.dtype, (pl.Datetime, pl.Date)):
        return column.dt.timestamp("ms").fill_null(0).to_numpy(), {"times are dates"}
    values = number.fill_null(0).to_numpy()
    place = np.searchsorted(LEAST, values, side="right")
    micro = np.clip(np.nan_to_num(values * MICROSECONDS[place.clip(max=3)]), 0, 1e17)
    times = np.rint(micro).astype(np.int64) // 1000
    counts = np.bincount(place[(times >= EARLIEST) & (times <= LATEST)], minlength=len(UNITS))
    return times, {f"times in {UNITS[unit]}" for unit in np.flatnonzero(counts)}


def step_of(times: IntArray) -> int:
    """Return the most frequent step, the candles' length; a minute where there is none.

    Where minutes without a trade are missing it still is: longer steps are rarer.
    """
    known = pl.Series(times[(times >= EARLIEST) & (times <= LATEST)])
    steps = known.unique().sort().diff().drop_nulls().mode().sort().to_list()
    return steps[0] if steps else MINUTE


def sound_rows(rows: pl.DataFrame, left_out: LeftOut) -> pl.DataFrame:
    """Return the sound candles or trades; a missing id of a trade is null."""
    checks = {"without a readable time": pl.col("time").is_between(EARLIEST, LATEST)}
    if "open" in rows.columns:
        columns = [*PRICES, "volume", "turnover"]
        checks |= {
            "not on a full minute": pl.col("time") % MINUTE == 0,
            "with a price that is missing, zero or negative": _within(PRICES, LOWEST, HIGHEST),
            "with a high or low that does not enclose the other prices": (
                (pl.col("low") <= pl.min_horizontal("open", "close"))
                & (pl.max_horizontal("open", "close") <= pl.col("high"))
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
    return take(rows, checks, left_out).select("time", *columns, "symbol", "file", "line")


def minutes_of(trades: pl.DataFrame) -> pl.DataFrame:
    """Return one-minute candles of trades in order of time."""
    price, quantity = pl.col("price"), pl.col("quantity")
    return trades.group_by(pl.col("time") // MINUTE * MINUTE, maintain_order=True).agg(
        open=price.first(),
        high=price.max(),
        low=price.min(),
        close=price.last(),
        volume=quantity.sum(),
        turnover=(price * quantity).sum(),
    )


def check_coins(rows: pl.DataFrame, where: str) -> None:
    """Raise `BadInput` when turnover is not quantity times price, as in inverse contracts."""
    if "turnover" in rows.columns:
        price, amount = ("close", "volume") if "open" in rows.columns else ("price", "quantity")
        ratio = (rows["turnover"] / rows[amount] / rows[price]).drop_nans().median()
        if isinstance(ratio, float) and not 1 / FAR <= ratio <= FAR:
            raise BadInput(
                f"{where}: turnover is {ratio:g} times volume times price: an inverse contract,"
                " whose volume is no coins, or columns in another order"
            )


def _within(names: Sequence[str], least: float, most: float) -> pl.Expr:
    return pl.all_horizontal(pl.col(name).is_between(least, most, closed="left") for name in names)
