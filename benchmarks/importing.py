"""Import of a million candles from the files that people have most of."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import polars as pl

from benchmarks.backtest_market import block_of
from benchmarks.harness import command

CANDLES = 1_000_000
START = 1_700_000_040_000


def measure() -> dict[str, float]:
    """Return the seconds of the whole command for each format."""
    candles = block_of(1, CANDLES // 1440 + 1).candles
    names = ("open", "high", "low", "close", "volume")
    table = pl.DataFrame({name: getattr(candles, name)[0][:CANDLES] for name in names})
    time, zero = START + 60_000 * pl.int_range(CANDLES), pl.lit(0)
    date = pl.from_epoch(time, "ms").dt.replace_time_zone("UTC").alias("date")
    turnover = pl.col("close") * pl.col("volume")
    rest = [zero.alias(name) for name in "abcd"]
    klines = table.select(time * 1000, *names, zero.alias("end"), turnover.alias("turnover"), *rest)
    figures: dict[str, float] = {"candles": CANDLES}
    with tempfile.TemporaryDirectory() as folder:
        feather, archive = Path(folder, "BTC_USDT-1m.feather"), Path(folder, "BTCUSDT-1m.zip")
        table.select(date, *names).write_ipc(feather, compression="lz4")
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("BTCUSDT-1m.csv", klines.write_csv(include_header=False))
        for path in (feather, archive):
            out = str(Path(folder, path.suffix[1:]))
            seconds, _ = command("import", str(path), "--out", out)
            figures[f"{path.suffix[1:]}_seconds"] = seconds
    return figures
