"""Recorded pumps, played as a market."""

from pumpwatch_workbench.simulator.market.replay.market import (
    DroppedEvent,
    ReplayContract,
    ReplayMarket,
)

__all__ = ["DroppedEvent", "ReplayContract", "ReplayMarket"]
