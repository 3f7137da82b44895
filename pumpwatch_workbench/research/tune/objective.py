"""The search's score of a backtest's trades."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from pumpwatch.domain.market.candles import FloatArray
from pumpwatch_workbench.research.backtest.engine import BacktestOutcome
from pumpwatch_workbench.research.backtest.equity import equity_curve

from .pool import SignalPool
from .space import SearchSpace
from .splits import DateRange

PRIOR_TRADES = 10
PRIOR_SPREAD = 0.05
"""Standard deviation of a trade's return before anything is known, a fraction."""


@dataclass(frozen=True, slots=True)
class BacktestSummary:
    """A backtest in a few numbers."""

    trades: int
    won: int
    profit: float
    """USDT, after all costs."""
    mean_return: float
    """Mean return of a trade, as a share of its notional."""
    t: float
    """Mean return over its standard error: how far the result is from zero, in its own noise."""
    shrunk_t: float
    """The same after `PRIOR_TRADES` trades that returned nothing were added to it.

    A handful of lucky trades has a huge t; a search would find nothing else.
    """
    drawdown: float

    def score(self, objective: str) -> float:
        """Return what the search maximises."""
        return self.profit if objective == "profit" else self.shrunk_t

    def to_json(self) -> dict[str, float]:
        """Return the numbers as plain values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Task:
    """Settings to be tried on a period."""

    values: Mapping[str, str]
    period: DateRange


def judge(outcome: BacktestOutcome) -> BacktestSummary:
    """Return the verdict on a backtest."""
    trades = outcome.trades
    returns = np.array(
        [
            float(trade.realised_pnl) / float(trade.quantity * (trade.entry_price or 1))
            for trade in trades
        ]
    )
    mean = float(returns.mean()) if len(returns) else 0.0
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    start = float(outcome.settings.trade.paper_equity_usdt)
    curve = equity_curve(outcome.closed, start=start, begin=0)
    return BacktestSummary(
        trades=len(trades),
        won=sum(trade.realised_pnl > 0 for trade in trades),
        profit=float(sum(trade.realised_pnl for trade in trades)),
        mean_return=mean,
        t=mean / spread * math.sqrt(len(returns)) if spread > 0 else 0.0,
        shrunk_t=_shrunk_t(returns),
        drawdown=float(curve.drawdown.max()),
    )


def _shrunk_t(returns: FloatArray) -> float:
    """Return the t of the returns together with the prior ones."""
    count = len(returns) + PRIOR_TRADES
    mean = float(returns.sum()) / count
    squares = float(((returns - mean) ** 2).sum())
    variance = (squares + PRIOR_TRADES * (PRIOR_SPREAD**2 + mean**2)) / (count - 1)
    return mean / math.sqrt(variance / count)


def run_task(pool: SignalPool, space: SearchSpace, task: Task) -> BacktestSummary:
    """Try the settings of a task on its period."""
    settings = space.settings(task.values)
    return judge(pool.backtest(settings, begin=task.period.begin, end=task.period.end))
