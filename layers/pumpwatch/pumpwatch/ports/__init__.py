"""What the use cases need from the outside, named by role. Adapters are named by technology.

Times are milliseconds UTC unless a name says otherwise. Every method may raise `RetryLater`'s
subclasses; what else it raises is in its docstring.
"""

from __future__ import annotations

from .broker import Broker, ExchangeHealth
from .detection_state import EventStore, HistoryStore, SignalStore
from .leases import Lease, LeaseStore, TotalsStore
from .market_data import CandleRequest, MarketData
from .surroundings import ExchangeKey, MetricsSink, PushCredentials, Secrets
from .time import Clock, Deadline
from .trading_state import Halt, HaltStore, Journal, LockStore

__all__ = [
    "Broker",
    "CandleRequest",
    "Clock",
    "Deadline",
    "EventStore",
    "ExchangeHealth",
    "ExchangeKey",
    "Halt",
    "HaltStore",
    "HistoryStore",
    "Journal",
    "Lease",
    "LeaseStore",
    "LockStore",
    "MarketData",
    "MetricsSink",
    "PushCredentials",
    "Secrets",
    "SignalStore",
    "TotalsStore",
]
