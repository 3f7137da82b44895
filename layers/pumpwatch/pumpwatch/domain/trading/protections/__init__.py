"""Reasons to stop entries for a while, one module each. See `base` for what they share."""

from .base import Lock, Protection, TradingHistory, in_force
from .drawdown import Drawdown
from .exchange_incident import ExchangeIncident
from .losing_streak import LosingStreak
from .low_profit_symbol import LowProfitSymbol
from .stale_data import StaleData
from .symbol_cooldown import SymbolCooldown
from .trading_hours import TradingHours

__all__ = [
    "Drawdown",
    "ExchangeIncident",
    "Lock",
    "LosingStreak",
    "LowProfitSymbol",
    "Protection",
    "StaleData",
    "SymbolCooldown",
    "TradingHistory",
    "TradingHours",
    "in_force",
]
