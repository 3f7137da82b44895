"""The ports kept in this process: the executable description of what every adapter must do."""

from .edges import (
    ManualClock,
    ManualDeadline,
    MemoryHistoryStore,
    MemoryMetricsSink,
    MemorySecrets,
    Push,
)
from .journal import MemoryJournal
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
    "MemorySecrets",
    "MemorySignalStore",
    "MemoryTotalsStore",
    "Push",
]
