"""Recorded pumps, played as a market."""

from workbench.simulator.replay.market import (
    DroppedEvent,
    ReplayContract,
    ReplayDataError,
    ReplayMarket,
)

__all__ = ["DroppedEvent", "ReplayContract", "ReplayDataError", "ReplayMarket"]
