"""The backtest again, slow and obvious: one minute after the other, one symbol after the other.

Tests hold the fast engine to it by the hash of the trades. It shares with it what production
decides with (the event machine, strategies, limits, sizing, protections) and nothing of how the
engine gets there: detection is the rules' own reference in plain Python, no minute is skipped,
nothing is looked up ahead, and fills and results are reckoned here a second time.
"""

from .loop import reference_trades

__all__ = ["reference_trades"]
