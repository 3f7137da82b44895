"""Stores and smaller ports kept in this process."""

from .edges import (
    ManualClock,
    ManualDeadline,
    MemoryHistoryStore,
    MemoryMetricsSink,
    MemorySecrets,
    Push,
)
from .stores import (
    MemoryEventStore,
    MemoryHaltStore,
    MemoryJournal,
    MemoryLeaseStore,
    MemoryLockStore,
    MemoryPaperStore,
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
