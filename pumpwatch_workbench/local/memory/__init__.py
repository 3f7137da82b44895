"""Stores and smaller ports kept in this process: every other adapter passes the same tests."""

from .edges import (
    ManualClock,
    ManualDeadline,
    MemoryHistoryStore,
    MemoryMetricsSink,
    MemorySecrets,
    Push,
)
from .journal import MemoryJournal
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
    "MemoryEventStore",
    "MemoryHaltStore",
    "MemoryHistoryStore",
    "MemoryJournal",
    "MemoryLeaseStore",
    "MemoryLockStore",
    "MemoryMetricsSink",
    "MemoryPaperStore",
    "MemorySecrets",
    "MemorySignalStore",
    "MemoryTotalsStore",
    "Push",
]
