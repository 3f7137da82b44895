"""Quantities that a made-up contract accepts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def quantities(price: float, daily_turnover: float, step: Decimal) -> dict[str, Any]:
    """Return step, least and largest quantities, fields of a `Listing`.

    The largest order is worth 2 % of a day's turnover, at least 20,000 USDT.
    """
    largest = (Decimal(round(max(daily_turnover * 0.02, 20_000.0) / price)) // step + 1) * step
    return {
        "quantity_step": step,
        "min_quantity": step,
        "max_quantity": largest,
        "max_market_quantity": max(largest / 4 // step * step, step),
    }
