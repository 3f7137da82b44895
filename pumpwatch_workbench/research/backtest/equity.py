"""The account's equity over time, from the trades' own candles. Floats: for curves and ratios."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch.domain.trading.orders import Side

from .account import SimulatedTrade
from .market import CLOSE


@dataclass(frozen=True, slots=True, eq=False)
class EquityCurve:
    """Equity in USDT whenever it changed; both arrays are shaped (points,), in order of time.

    The first point is the start. Open positions count at the last close.
    """

    time: IntArray
    equity: FloatArray

    @property
    def drawdown(self) -> FloatArray:
        """Return the fall from the highest equity so far, as a share of it, shaped (points,)."""
        peak = np.maximum.accumulate(self.equity)
        fall: FloatArray = (peak - self.equity) / peak
        return fall

    def sharpe(self, end: int) -> float | None:
        """Return the yearly Sharpe ratio of the daily returns, 365 days a year.

        The risk-free rate is taken as 0. None with less than two days, or when nothing moved.
        """
        midnights = np.arange((int(self.time[0]) // DAY + 1) * DAY, end + 1, DAY)
        equity = self.equity[np.searchsorted(self.time, midnights, side="right") - 1]
        values = np.concatenate([self.equity[:1], equity])
        if len(equity) <= 1 or values.min() <= 0:
            return None
        returns = np.diff(values) / values[:-1]
        spread = float(returns.std(ddof=1))
        return float(returns.mean()) / spread * 365**0.5 if spread > 0 else None


def equity_curve(positions: Sequence[SimulatedTrade], *, start: float, begin: int) -> EquityCurve:
    """Return the curve that begins with `start` USDT at `begin`, milliseconds UTC."""
    times: list[IntArray] = [np.array([begin], dtype=np.int64)]
    changes: list[FloatArray] = [np.array([start])]
    for position in positions:
        time, change = _changes(position)
        times.append(time)
        changes.append(change)
    time, change = np.concatenate(times), np.concatenate(changes)
    order = np.argsort(time, kind="stable")
    return EquityCurve(time[order], np.cumsum(change[order]))


def _changes(position: SimulatedTrade) -> tuple[IntArray, FloatArray]:
    """Return when a position changed the equity and by how much; the sum is its result."""
    trade, window = position.trade, position.window
    entered, left = trade.entry_time or 0, trade.exit_time or 0
    begin, end = window.index_of(entered), window.index_of(left)
    closes = window.values[begin:end, CLOSE]
    known = ~np.isnan(closes)
    time = window.open_time[begin:end][known] + MINUTE
    sign = 1.0 if trade.side is Side.BUY else -1.0
    worth = sign * float(trade.quantity) * (closes[known] - float(trade.entry_price or 0))
    worth = np.append(worth, float(trade.realised_pnl))
    return np.append(time, left), np.diff(worth, prepend=0.0)


def time_in_market(positions: Sequence[SimulatedTrade]) -> int:
    """Return how long at least one position was open, milliseconds."""
    total = until = 0
    spans = sorted(
        (position.trade.entry_time or 0, position.trade.exit_time or 0) for position in positions
    )
    for begin, end in spans:
        total += max(0, end - max(begin, until))
        until = max(until, end)
    return total
