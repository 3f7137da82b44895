"""Paper trading: real prices, no money."""

from .broker import PaperBroker
from .state import MemoryPaperStore, PaperPosition, PaperState, PaperStore

__all__ = ["MemoryPaperStore", "PaperBroker", "PaperPosition", "PaperState", "PaperStore"]
