"""Recorded pumps, played as a market."""

from pumpwatch_workbench.simulator.market.replay.casting import DroppedEvent, ReplayContract
from pumpwatch_workbench.simulator.market.replay.market import ReplayMarket

__all__ = ["DroppedEvent", "ReplayContract", "ReplayMarket"]
