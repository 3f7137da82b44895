"""Paper trading: real prices, no money."""

from pumpwatch.adapters.paper.account import (
    MemoryPaperStore,
    PaperFunding,
    PaperPosition,
    PaperState,
    PaperStore,
)

from .broker import PaperBroker

__all__ = [
    "MemoryPaperStore",
    "PaperBroker",
    "PaperFunding",
    "PaperPosition",
    "PaperState",
    "PaperStore",
]
