"""Ports that a test sets by hand: an exchange account, a market, clocks and sinks in memory."""

from .broker import MemoryBroker
from .edges import (
    ManualClock,
    ManualDeadline,
    MemoryHistoryStore,
    MemoryMetricsSink,
    MemorySecrets,
    Push,
)
from .market import MemoryMarketData, instrument

__all__ = [
    "ManualClock",
    "ManualDeadline",
    "MemoryBroker",
    "MemoryHistoryStore",
    "MemoryMarketData",
    "MemoryMetricsSink",
    "MemorySecrets",
    "Push",
    "instrument",
]
