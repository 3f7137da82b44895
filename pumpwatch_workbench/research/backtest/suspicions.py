"""Signs that a backtest's result is too good to be true, or rests on too little."""

from __future__ import annotations

from decimal import Decimal

from .engine import Outcome
from .results import Results

FEW_TRADES = 30
"""Below it the interval of a win rate is some 35 points wide."""
ENOUGH = 10
"""With fewer trades a high share of wins is no surprise."""
WIN_RATE = 0.75
SHARPE = 4.0
PROFIT_FACTOR = 4.0
ONE_TRADE = Decimal("0.5")


def suspicions(outcome: Outcome, results: Results) -> list[str]:
    """Return what makes the result doubtful, each as a sentence; none when nothing does."""
    found = []
    if results.trades < FEW_TRADES:
        found.append(f"{results.trades} trades are too few to tell skill from luck.")
    if results.trades >= ENOUGH and (results.win_rate or 0) > WIN_RATE:
        found.append(
            f"{results.win_rate:.0%} of the trades won, more than strategies that last: look at "
            "how the stops are filled."
        )
    if results.sharpe is not None and results.sharpe > SHARPE:
        found.append(
            f"A Sharpe ratio of {results.sharpe:.1f} is more than real accounts reach: real fills "
            "are worse."
        )
    if results.trades >= ENOUGH and (results.profit_factor or 0) > PROFIT_FACTOR:
        found.append(
            f"A profit factor of {results.profit_factor:.1f} seldom survives live trading."
        )
    if results.trades >= ENOUGH and results.gross_lost == 0:
        found.append("Not a single trade lost: something of the costs is missing.")
    best = max((trade.realised_pnl for trade in outcome.trades), default=Decimal(0))
    if results.net_profit > 0 and best > ONE_TRADE * results.net_profit:
        found.append("One trade made more than half of the profit.")
    return found
