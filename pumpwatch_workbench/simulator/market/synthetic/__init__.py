"""A seeded market with pumps, spikes and crashes."""

from pumpwatch_workbench.simulator.market.synthetic.market import SyntheticMarket

__all__ = ["SyntheticMarket"]
