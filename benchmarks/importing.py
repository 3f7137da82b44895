"""Import of a million candles from an archive as Binance publishes them."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import polars as pl

from benchmarks.backtest_market import block_of
from benchmarks.harness import command

CANDLES = 1_000_000


def measure() -> dict[str, float]:
    """Return the seconds of the whole command."""
    candles = block_of(1, CANDLES // 1440 + 1).candles
    names = ("open", "high", "low", "close", "volume", "open_time", "turnover")
    table = pl.DataFrame({name: getattr(candles, name).reshape(-1)[:CANDLES] for name in names})
    rest = [pl.lit(0).alias(name) for name in "abcd"]
    rows = table.select((pl.col("open_time") * 1000).alias("time"), *names, *rest).write_csv(
        include_header=False
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "BTCUSDT-1m.zip")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("BTCUSDT-1m.csv", rows)
        seconds, _ = command("import", str(path), "--out", str(Path(folder, "out")))
    return {"candles": CANDLES, "zip_seconds": seconds}
