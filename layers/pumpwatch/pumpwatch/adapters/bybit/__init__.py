"""Bybit V5 through pybit."""

from .broker import BybitBroker
from .clock import ExchangeClock
from .market_data import BybitMarketData
from .session import BybitSession
from .traffic import Traffic

__all__ = ["BybitBroker", "BybitMarketData", "BybitSession", "ExchangeClock", "Traffic"]
