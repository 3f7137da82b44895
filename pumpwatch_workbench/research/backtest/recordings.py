"""A folder of recordings as blocks of candles, each with its contract's terms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl

from pumpwatch.domain.market.candles import FloatArray
from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import RecordedFolder, SegmentCandles
from pumpwatch_workbench.recordings.parquet import reading
from pumpwatch_workbench.recordings.quote import is_in_dollars, usdt_factor
from pumpwatch_workbench.recordings.tables import read_contracts

from .market import Block

LOOK = 240
"""Minutes at a recording's start that the terms are read from: nothing is traded that early."""
FINEST, COARSEST = 6, 3
"""Significant digits of a price: ticks between 1e-6 and 1e-3 of it are believed."""
MIN_NOTIONAL = Decimal(5)
MAX_LEVERAGE = Decimal(25)
NO_BOUND = Decimal(10) ** 15
DECIMALS = 10


class Recordings(RecordedFolder):
    """Candles of a folder in the format of docs/data-format.md.

    `quote_price` is what one unit of the candles' quote currency is worth, USDT. None: 1 where
    `contracts.csv` is there or a symbol names a dollar; otherwise what `usdt_factor` makes of the
    median recording. Raises `BadInput` that names file, row and what to do.
    """

    def __init__(self, folder: Path, *, quote_price: float | None = None) -> None:
        super().__init__(folder)
        self._contracts = read_contracts(folder)
        if quote_price is not None and not 0 < quote_price < math.inf:
            raise BadInput(f"--quote-price is {quote_price:g}: give a price above zero")
        self.quote_price_was_given = quote_price is not None or bool(self._contracts)
        self.quote_price = quote_price or self._scale()

    def blocks(self, *, begin: int = 0, end: int | None = None) -> Iterator[Block]:
        """Yield each segment's candles, minutes without a trade filled with the last close.

        `begin` and `end`, milliseconds UTC, leave segments out that lie wholly outside.
        """
        for segment in self.candles():
            if (end is None or segment.row.start < end) and segment.row.end > begin:
                yield self._block(segment)

    def _scale(self) -> float:
        symbols = [row.symbol for row in self.segments.values()]
        if self._contracts or any(is_in_dollars(symbol) for symbol in symbols):
            return 1.0
        span = (pl.col("open_time").max() - pl.col("open_time").min() + MINUTE) / (24 * HOUR)
        daily = pl.col("turnover").sum() / span
        with reading(self.folder / "candles.parquet"):
            table = self.frame.group_by("segment").agg(daily.alias("daily")).collect()
        middle = table["daily"].median() if table.height else None
        return usdt_factor(symbols[0], middle) if isinstance(middle, float) else 1.0

    def _block(self, segment: SegmentCandles) -> Block:
        symbol, values = segment.row.symbol, segment.values
        if self.quote_price != 1.0:
            for index in (0, 1, 2, 3, 5):
                values[index] = np.round(values[index] * self.quote_price, DECIMALS)
        contract = self._contracts.get(symbol)
        if contract is None:
            early = np.concatenate([column[:LOOK] for column in values[:4]])
            contract = derived_contract(symbol, early)
        terms = (replace(contract, symbol=symbol),)
        return Block((segment.row.number,), segment.on_grid(), terms)


def derived_contract(symbol: str, prices: FloatArray) -> Instrument:
    """Return terms that fit prices at the start of a recording, (values,), NaN where not known.

    The tick is the finest step the prices show; the quantity step is worth about a tenth of a
    USDT; the other terms are those of most small contracts on Bybit.
    """
    known = prices[~np.isnan(prices)]
    price = float(known[0]) if len(known) else 1.0
    size = math.floor(math.log10(price))
    tick = max(_finest_step(known, size), size - FINEST + 1)
    return Instrument(
        symbol=symbol,
        tick_size=Decimal(1).scaleb(min(tick, size - COARSEST + 1)),
        quantity_step=Decimal(1).scaleb(-size - 1),
        min_quantity=Decimal(1).scaleb(-size - 1),
        max_market_quantity=NO_BOUND,
        min_notional=MIN_NOTIONAL,
        max_leverage=MAX_LEVERAGE,
        launch_time=0,
    )


def _finest_step(values: FloatArray, size: int) -> int:
    """Return the power of ten of the last digit that the numbers show, not below what counts."""
    for exponent in range(size, size - FINEST, -1):
        if np.array_equal(np.round(values, -exponent), values):
            return exponent
    return size - FINEST
