"""Stores kept in this process: the executable description of what every adapter must do."""

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
    "MemoryEventStore",
    "MemoryHaltStore",
    "MemoryJournal",
    "MemoryLeaseStore",
    "MemoryLockStore",
    "MemorySignalStore",
    "MemoryTotalsStore",
]
