"""Random markets, settings and recordings for backtest tests."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.random_candles import COLUMNS, random_candles

from pumpwatch.domain.candles import MINUTE, Candles
from workbench.backtest.contracts import derived_contract
from workbench.backtest.market import Block
from workbench.backtest.settings import BacktestSettings, read_settings

__all__ = ["DATA", "LIVELY", "block_of", "lively", "needs_data", "random_block", "with_values"]

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
