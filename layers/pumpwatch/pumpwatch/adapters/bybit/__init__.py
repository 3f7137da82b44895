"""Bybit V5 through pybit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pumpwatch.adapters.lazily import lazily

if TYPE_CHECKING:
    from .broker import BybitBroker
    from .clock import ExchangeClock
    from .market_data import BybitMarketData
    from .session import BybitSession

__all__ = ["BybitBroker", "BybitMarketData", "BybitSession", "ExchangeClock"]

__getattr__ = lazily(
    __name__,
    {
        "BybitBroker": "broker",
        "BybitMarketData": "market_data",
        "BybitSession": "session",
        "ExchangeClock": "clock",
    },
)
