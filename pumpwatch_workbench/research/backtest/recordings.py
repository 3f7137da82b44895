"""A folder of recordings as blocks of candles, each with its contract's terms."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.errors import BadInput
from pumpwatch_workbench.recordings import RecordedFolder, SegmentCandles
from pumpwatch_workbench.recordings.parquet import unreadable
from pumpwatch_workbench.recordings.quote import is_in_dollars, usdt_factor
from pumpwatch_workbench.recordings.tables import read_contracts

from .contracts import LOOK, derived_contract
from .market import Block

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
        for one in self.candles():
            if (end is None or one.row.start < end) and one.row.end > begin:
                yield self._block(one)

    def _scale(self) -> float:
        symbols = [one.symbol for one in self.segments.values()]
        if self._contracts or any(is_in_dollars(symbol) for symbol in symbols):
            return 1.0
        span = (pl.col("open_time").max() - pl.col("open_time").min() + MINUTE) / (24 * HOUR)
        daily = pl.col("turnover").sum() / span
        try:
            table = self.frame.group_by("segment").agg(daily.alias("daily")).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise unreadable(self.folder / "candles.parquet", error) from None
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
