"""A made-up market for the backtest benchmarks: quiet minutes, bursts, and a pump now and then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from pumpwatch.domain.market.candles import COLUMNS, Candles
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.backtest.recordings import LOOK, derived_contract

START = 1_762_041_600_000
"""2025-11-02T00:00:00Z."""
DAYS_PER_PUMP = 9
"""Symbol-days; twice as many as in the labelled recordings, so that trades weigh more."""
DAY_MINUTES = 1440
ROW_GROUP = 50_000
"""The size that `pumpwatch download` writes."""


def block_of(symbols: int, days: int, seed: int = 1) -> Block:
    """Return one-minute candles of some symbols."""
    random = np.random.default_rng(seed)
    shape = (symbols, days * DAY_MINUTES)
    move = random.standard_t(4, shape) * 0.0007
    turnover = random.lognormal(6.5, 1.0, shape)
    wick = np.abs(random.standard_t(4, shape)) * 0.0004
    for _ in range(symbols * days // DAYS_PER_PUMP):
        row, column = (
            int(random.integers(symbols)),
            int(random.integers(DAY_MINUTES, shape[1] - 90)),
        )
        size = float(random.uniform(0.08, 0.3))
        wick[row, column] = size
        move[row, column] += size * 0.7
        move[row, column + 1 : column + 16] -= size * 0.05
        turnover[row, column : column + 16] *= 400 * np.exp(-np.arange(16) / 4)
    close = np.exp(np.cumsum(move, axis=1)) * random.lognormal(0, 2, (symbols, 1))
    opened = np.concatenate([close[:, :1], close[:, :-1]], axis=1)
    high = np.maximum(opened, close) + wick * opened
    low = np.minimum(opened, close) * (1 - wick.clip(max=0.002))
    names = tuple(f"S{number:04d}USDT" for number in range(symbols))
    times = START + MINUTE * np.arange(shape[1], dtype=np.int64)
    candles = Candles(names, MINUTE, times, opened, high, low, close, turnover / close, turnover)
    return with_contracts(candles)


def with_contracts(candles: Candles) -> Block:
    """Return the candles with terms derived from their first prices."""
    prices = np.stack([getattr(candles, name)[:, :LOOK] for name in COLUMNS[:4]])
    contracts = tuple(
        derived_contract(symbol, prices[:, row].ravel())
        for row, symbol in enumerate(candles.symbols)
    )
    return Block(tuple(range(len(candles.symbols))), candles, contracts)


def write_market(folder: Path, symbols: int, days: int, *, distinct: int = 20) -> None:
    """Write a folder of recordings; every `distinct` symbols the walks repeat, scaled."""
    block = block_of(distinct, days)
    candles = block.candles
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    lines = ["segment,symbol,start,end"]
    begin, end = (
        np.datetime64(int(time), "ms") for time in (START, START + days * DAY_MINUTES * MINUTE)
    )
    for number in range(symbols):
        row, factor = number % distinct, 1.0 + (number // distinct) / 16
        scale = dict.fromkeys(COLUMNS[:4], factor) | {"volume": 1.0, "turnover": factor}
        table = pl.DataFrame(
            {"segment": np.full(days * DAY_MINUTES, number, dtype=np.int32)}
            | {"open_time": candles.open_time}
            | {name: getattr(candles, name)[row] * scale[name] for name in COLUMNS}
        )
        part = folder / f"part-{number:04d}.parquet"
        table.write_parquet(part, compression="lz4")
        parts.append(part)
        lines.append(f"{number},B{number:04d}USDT,{begin}Z,{end}Z")
    pl.concat([pl.scan_parquet(part) for part in parts]).sink_parquet(
        folder / "candles.parquet", row_group_size=ROW_GROUP, compression="lz4"
    )
    for part in parts:
        part.unlink()
    (folder / "segments.csv").write_text("\n".join(lines) + "\n")
