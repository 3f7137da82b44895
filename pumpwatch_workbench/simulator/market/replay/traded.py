"""Minutes whose every trade was recorded: each trade is the price until the next one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pumpwatch_workbench.simulator.market.paths import PartialMinutes
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    BoolArray,
    FloatArray,
    IntArray,
    Minutes,
    Trades,
)


@dataclass(frozen=True, slots=True, eq=False)
class TradedMinute:
    """A minute's trades; arrays are shaped (trades,)."""

    before: float
    """Close of the minute before: the price until the first trade."""
    offset: IntArray
    """Milliseconds after the minute's start."""
    bought: BoolArray
    """True where the taker bought."""
    price: FloatArray
    volume: FloatArray
    """Traded from the minute's start to the trade, itself included."""
    turnover: FloatArray

    def trades(self, opened: int) -> Trades:
        """Return the trades of the minute that opened at `opened` (milliseconds UTC)."""
        quantity = np.diff(self.volume, prepend=0.0)
        return Trades(opened + self.offset, self.bought, self.price, quantity)

    def until(self, offset: int) -> PartialMinutes:
        """Return what has happened `offset` milliseconds into the minute, shaped (1,)."""
        passed, price, volume, turnover = self._at(offset)
        return _part(price, self.price[:passed] if passed else np.array([price]), volume, turnover)

    def after(self, offset: int) -> PartialMinutes:
        """Return what is still to happen `offset` milliseconds into the minute, shaped (1,)."""
        passed, price, volume, turnover = self._at(offset)
        left = self.volume[-1] - volume, self.turnover[-1] - turnover
        return _part(price, np.append(self.price[passed:], price), *left)

    def _at(self, offset: int) -> tuple[int, float, float, float]:
        """Return the trades until then, and price, volume and turnover they have led to."""
        passed = int(np.searchsorted(self.offset, offset, side="right"))
        if not passed:
            return 0, self.before, 0.0, 0.0
        columns = self.price, self.volume, self.turnover
        price, volume, turnover = (float(column[passed - 1]) for column in columns)
        return passed, price, volume, turnover


def _part(price: float, prices: FloatArray, volume: float, turnover: float) -> PartialMinutes:
    values = (price, prices.max(), prices.min(), volume, turnover)
    return PartialMinutes(*(np.array([value]) for value in values))


def traded_minutes(
    trades: Trades | None, minutes: Minutes, shift: int, factor: float, scale: float
) -> dict[int, TradedMinute]:
    """Return the minutes that have trades, by their row.

    `trades` are as recorded: `shift` makes their time market time, `factor` their price USDT. A
    minute whose trades do not give its candle (open, high, low, close) keeps the candle alone.
    """
    if trades is None:
        return {}
    times = trades.time + shift
    rows = (times - minutes.open_time[0]) // MINUTE_MS
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    prices = np.rint(trades.price * factor * scale) / scale
    traded = {}
    for part in map(slice, starts.tolist(), [*starts[1:].tolist(), rows.size]):
        row, line = int(rows[part.start]), prices[part]
        candle = (minutes.open[row], minutes.high[row], minutes.low[row], minutes.close[row])
        if (line[0], line.max(), line.min(), line[-1]) == candle:
            quantity = trades.quantity[part]
            volume, turnover = np.cumsum(quantity), np.cumsum(quantity * line)
            # The candle's own totals rule; they differ from the trades' sums by rounding.
            volume *= minutes.volume[row] / volume[-1]
            turnover *= minutes.turnover[row] / turnover[-1]
            traded[row] = TradedMinute(
                before=float(minutes.close[max(row - 1, 0)]),
                offset=times[part] % MINUTE_MS,
                bought=trades.bought[part],
                price=line,
                volume=volume,
                turnover=turnover,
            )
    return traded
