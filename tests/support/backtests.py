"""Random markets, settings and recordings for backtest tests."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support.random_candles import COLUMNS, random_candles

from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.backtest.recordings import derived_contract
from pumpwatch_workbench.research.backtest.settings import BacktestSettings, read_settings

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("PUMPWATCH_PUMP_EVENTS", ROOT / "../shared/data/pump-events"))
needs_data = pytest.mark.skipif(
    not (DATA / "candles.parquet").exists(),
    reason="the labelled pumps are not here: set PUMPWATCH_PUMP_EVENTS to their folder",
)

LIVELY = {
    "ewma_turnover_z": "1.5",
    "ewma_jump": "0.01",
    "ewma_span_minutes": "30",
    "warm_up_minutes": "20",
    "cooldown_minutes": "3",
    "fade_time_limit_minutes": "25",
    "fade_min_gain": "0.001",
    "symbol_cooldown_minutes": "2",
    "slippage_tolerance": "0.05",
    "max_spread": "0.05",
}
"""Many alarms and many trades in a few hundred random minutes."""


def lively(strategy: str = "fade", detector: str = "ewma", **more: str) -> BacktestSettings:
    return read_settings(LIVELY | more, strategy=strategy, detector=detector)


def block_of(candles: Candles, *, first_segment: int = 0, funding_minutes: int = 480) -> Block:
    contracts = []
    for row, symbol in enumerate(candles.symbols):
        prices = np.stack([getattr(candles, name)[row, :240] for name in COLUMNS[:4]])
        one = derived_contract(symbol, prices.ravel())
        contracts.append(replace(one, funding_interval_minutes=funding_minutes))
    segments = tuple(range(first_segment, first_segment + len(contracts)))
    return Block(segments, candles, tuple(contracts))


def random_block(
    seed: int,
    symbols: int,
    count: int,
    *,
    start: int = 0,
    funding_minutes: int = 480,
    **more: float,
) -> Block:
    """Return random candles that begin at minute `start`."""
    made = random_candles(seed, symbols, count, **more)  # type: ignore[arg-type]
    times = made.open_time + start * MINUTE
    columns = (getattr(made, name) for name in COLUMNS)
    moved = Candles(made.symbols, made.interval, times, *columns)
    return block_of(moved, funding_minutes=funding_minutes)


def with_values(block: Block, begin: int, value: float) -> Block:
    """Return the block with every number from column `begin` on replaced."""
    columns = [getattr(block.candles, name).copy() for name in COLUMNS]
    for column in columns:
        column[:, begin:] = value
    candles = Candles(
        block.candles.symbols, block.candles.interval, block.candles.open_time, *columns
    )
    return Block(block.segments, candles, block.contracts)


def flat_block(count: int, *, price: float = 100.0, turnover: float = 1e6, start: int = 0) -> Block:
    """Return one symbol that trades at one price; tests change what they are about."""
    candles = Candles.empty(["AUSDT"], interval=MINUTE, first=start * MINUTE, count=count)
    for name in COLUMNS[:4]:
        getattr(candles, name)[:] = price
    candles.volume[:], candles.turnover[:] = turnover / price, turnover
    return block_of(candles)


def pump_block(*, warm_up: int = 60, after: int = 90, start: int = 0, scale: float = 1.0) -> Block:
    """Return one symbol with one pump: up by 20 % in a minute, then down a tenth of it a minute."""
    block = flat_block(warm_up + after, start=start)
    candles = block.candles
    rise = 20.0
    candles.high[0, warm_up] = 100 + rise
    candles.close[0, warm_up] = 100 + 0.9 * rise
    candles.turnover[0, warm_up:] = 50e6
    for minute in range(1, after):
        column = warm_up + minute
        opened = 100 + max(0.0, 1.0 - 0.1 * minute) * rise
        closed = 100 + max(0.0, 0.9 - 0.1 * minute) * rise
        candles.open[0, column], candles.close[0, column] = opened, closed
        candles.high[0, column], candles.low[0, column] = opened, closed
    for name in COLUMNS[:4]:
        getattr(candles, name)[:] *= scale
    return block


def write_folder(folder: Path, blocks: list[Block], **changes: str) -> Path:
    """Write blocks as a folder of recordings, minutes that are not known left out."""
    frames, lines = [], ["segment,symbol,start,end"]
    for block in blocks:
        candles = block.candles
        first = int(candles.open_time[0])
        span = f"{_iso(first)},{_iso(first + candles.shape[1] * MINUTE)}"
        for row, segment in enumerate(block.segments):
            frame = pl.DataFrame(
                {"segment": np.full(candles.shape[1], segment), "open_time": candles.open_time}
                | {name: getattr(candles, name)[row] for name in COLUMNS}
            )
            frames.append(frame.filter(pl.col("close").is_not_nan()))
            lines.append(f"{segment},{candles.symbols[row]},{span}")
    folder.mkdir(parents=True, exist_ok=True)
    pl.concat(frames).write_parquet(folder / "candles.parquet")
    (folder / "segments.csv").write_text("\n".join(lines) + "\n")
    for name, text in changes.items():
        (folder / name.replace("_csv", ".csv")).write_text(text)
    return folder


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat()
