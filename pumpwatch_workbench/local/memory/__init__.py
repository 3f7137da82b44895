"""The ports kept in this process: the executable description of what every adapter must do."""

from .broker import MemoryBroker
from .edges import (
    ManualClock,
    ManualDeadline,
    MemoryHistoryStore,
    MemoryMetricsSink,
    MemorySecrets,
    Push,
)
from .journal import MemoryJournal
from .market import MemoryMarketData, instrument
from .paper import MemoryPaperStore
from .stores import (
    MemoryEventStore,
    MemoryHaltStore,
    MemoryLeaseStore,
    MemoryLockStore,
    MemorySignalStore,
    MemoryTotalsStore,
)

__all__ = [
    "ManualClock",
    "ManualDeadline",
    "MemoryBroker",
    "MemoryEventStore",
    "MemoryHaltStore",
    "MemoryHistoryStore",
    "MemoryJournal",
    "MemoryLeaseStore",
    "MemoryLockStore",
    "MemoryMarketData",
    "MemoryMetricsSink",
    "MemoryPaperStore",
    "MemorySecrets",
    "MemorySignalStore",
    "MemoryTotalsStore",
    "Push",
    "instrument",
]
