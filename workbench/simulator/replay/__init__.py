"""Recorded pumps, played as a market."""

from workbench.simulator.replay.market import (
    DroppedEvent,
    ReplayContract,
    ReplayMarket,
)

__all__ = ["DroppedEvent", "ReplayContract", "ReplayMarket"]
