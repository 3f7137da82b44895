"""The terms of a contract that sizing needs, given beside the candles or derived from them."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np

from pumpwatch.domain.market.candles import FloatArray
from pumpwatch.domain.market.snapshot import Instrument

LOOK = 240
"""Minutes at a recording's start that the terms are read from: nothing is traded that early."""
FINEST, COARSEST = 6, 3
"""Significant digits of a price: ticks between 1e-6 and 1e-3 of it are believed."""
MIN_NOTIONAL = Decimal(5)
MAX_LEVERAGE = Decimal(25)
NO_BOUND = Decimal(10) ** 15


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
