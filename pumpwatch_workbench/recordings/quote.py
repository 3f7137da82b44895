"""The factor that turns recorded prices into USDT; 1 where they are in USDT."""

from __future__ import annotations

import math
import re

ORDINARY_DAY = 100_000.0
"""USDT a day that a contract turns over at least, once its prices are in USDT."""
NO_MARKET = 1_000.0
"""No contract in USDT trades less than this a day."""
IN_DOLLARS = re.compile(r"(USD[A-Z]?|PERP)$", re.IGNORECASE)


def is_in_dollars(symbol: str) -> bool:
    """Return whether the symbol's name says that its prices are in USDT or another dollar."""
    return IN_DOLLARS.search(symbol) is not None


def usdt_factor(symbol: str, daily: float) -> float:
    """Return what prices and turnovers are multiplied by to be in USDT; `daily`: a day's turnover.

    1 where the symbol names a dollar, and where the turnover can be that of a thin contract;
    otherwise the smallest power of ten that makes a day's turnover 100,000.
    """
    if is_in_dollars(symbol) or not 0 < daily < NO_MARKET:
        return 1.0
    return float(10 ** math.ceil(math.log10(ORDINARY_DAY / daily)))
