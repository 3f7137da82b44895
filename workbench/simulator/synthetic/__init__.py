"""A seeded market with pumps, spikes and crashes."""

from workbench.simulator.synthetic.market import SyntheticMarket

__all__ = ["SyntheticMarket"]
