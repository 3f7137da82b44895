"""Bybit V5 through pybit."""

from .broker import BybitBroker
from .clock import ExchangeClock
from .market_data import BybitMarketData
from .session import BybitSession

__all__ = ["BybitBroker", "BybitMarketData", "BybitSession", "ExchangeClock"]
