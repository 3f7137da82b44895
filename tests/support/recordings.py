"""Small made-up recordings in the format of docs/data-format.md."""

import numpy as np
import polars as pl

MINUTE_MS = 60_000
ONSET = 1_562_346_010_000
"""2019-07-05T17:00:10Z."""


def candles(segment=7, onset=ONSET, hours_before=30.0, minutes_after=90, seed=1, price=0.000013):
    """Return candles around a pump: some minutes without a trade, prices on eight decimals."""
    rng = np.random.default_rng(seed)
    first = int(onset - hours_before * 3_600_000) // MINUTE_MS
    minutes = np.arange(first, onset // MINUTE_MS + minutes_after + 1)
    minutes = minutes[rng.random(minutes.size) < 0.6]
    pump = np.where(minutes >= onset // MINUTE_MS, 0.2, 0.0)
    middle = price * np.exp(np.cumsum(rng.normal(0, 0.002, minutes.size)) + pump)
    prices = np.stack([middle * np.exp(rng.normal(0, 0.003, minutes.size)) for _ in range(4)])
    prices = np.round(prices, 8)
    volume = np.round(rng.lognormal(6, 1, minutes.size) * np.where(pump > 0, 200, 1))
    return pl.DataFrame(
        {
            "segment": np.full(minutes.size, segment, dtype=np.int32),
            "open_time": minutes * MINUTE_MS,
            "open": prices[0],
            "high": prices.max(axis=0),
            "low": prices.min(axis=0),
            "close": prices[1],
            "volume": volume,
            "turnover": volume * prices.mean(axis=0),
        }
    )


def trades(table, onset=ONSET):
    """Return trades at 5, 20, 40 and 55 s of every candle near the onset that give that candle."""
    near = table.filter(pl.col("open_time").is_between(onset - 900_000, onset + 4_000_000))
    rows = []
    for row in near.iter_rows(named=True):
        for second, name in ((5, "open"), (20, "high"), (40, "low"), (55, "close")):
            rows.append(
                {
                    "segment": row["segment"],
                    "time": row["open_time"] + second * 1_000,
                    "side": "Buy",
                    "price": row[name],
                    "quantity": row["volume"] / 4,
                }
            )
    return pl.DataFrame(rows, schema_overrides={"segment": pl.Int32})


def write(folder, table, events, traded=None):
    """Write a recording and return its folder."""
    folder.mkdir(exist_ok=True)
    table.write_parquet(folder / "candles.parquet")
    lines = ["segment,symbol,onset,counted", *events]
    (folder / "events.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    if traded is not None:
        traded.write_parquet(folder / "trades.parquet")
    return folder
