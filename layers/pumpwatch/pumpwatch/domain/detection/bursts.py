"""Bursts: symbols whose turnover and price jump within seconds, seen in the ring of snapshots.

With f_W the turnover of the last W seconds, and m and sd the mean and the standard deviation of the
minutes of a day that ended at least 60 s ago, a symbol bursts when

    f_60 > 80 m    f_60 > m + 15 sd    f_10 > 10 m    last > 1.01 lowest price of 60 s

Where the whole market moves, not all that burst can be looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.market.candles import BoolArray, Candles, FloatArray, IntArray
from pumpwatch.domain.market.ring import Ring
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE, SECOND

from .windows import CANCELLED

DAY_OF_MINUTES = 1440
NEEDED = 5 * MINUTE
"""Time before a scan that the ring must cover wholly."""
TIMES_MEAN, DEVIATIONS, RECENT, RISE = 80.0, 15.0, 10.0, 0.01
LARGE_PART, FEWEST = 0.2, 20
"""Share of the known symbols that moves at once, and the fewest symbols that are a market."""
MARKET_STRENGTH, MARKET_RISE = 10.0, 0.003
"""A symbol takes part above both: mean minutes traded within 60 s, and rise of 60 s."""
CALM = 15 * MINUTE
"""Milliseconds without a move after which it is over."""


@dataclass(frozen=True, slots=True, eq=False)
class UsualMinute:
    """Turnover of a usual minute: `mean` and standard `deviation`, each (symbols,).

    Lower bounds of both give every burst, and a few symbols more. NaN: not known.
    """

    mean: FloatArray
    deviation: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A closer look at one symbol at a scan.

    `ring` has the symbol's row alone, up to the scan; `candles` its minutes, in which those of the
    day before are known. `trades` None: not known.
    """

    time: int
    """Time of the scan, milliseconds UTC."""
    ring: Ring
    candles: Candles
    trades: MarketTrades | None


def bursts(ring: Ring, time: int, usual: UsualMinute) -> FloatArray:
    """Return the turnover of 60 s over the mean minute where symbols burst at `time`, else 0.

    Shaped (symbols,). A symbol that the ring does not know for `NEEDED` does not burst.
    """
    if not len(ring.time) or ring.time[-1] != time:
        return np.zeros(len(usual.mean))
    since = int(np.searchsorted(ring.time, time - MINUTE))
    flow = ring.flow_at(time - np.array([NEEDED, MINUTE, 10 * SECOND], dtype=np.int64))
    now, last = ring.flow[:, -1], ring.last[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        minute, recent = now - flow[:, 1], now - flow[:, 2]
        lowest = ring.last[:, since:].min(axis=1)
        burst = burst_gates(minute, recent, last / lowest - 1.0, usual) & ~np.isnan(flow[:, 0])
        return np.where(burst, minute / usual.mean, 0.0)


def burst_gates(
    minute: FloatArray, recent: FloatArray, rise: FloatArray, usual: UsualMinute
) -> BoolArray:
    """Return which symbols burst, from the turnover of 60 s and of 10 s and the rise of 60 s."""
    burst: BoolArray = minute > TIMES_MEAN * usual.mean
    burst &= minute > usual.mean + DEVIATIONS * usual.deviation
    burst &= recent > RECENT * usual.mean
    burst &= rise > RISE
    return burst


def least_usual(total: FloatArray, squares: FloatArray, unseen: int) -> UsualMinute:
    """Return lower bounds from sums, (symbols,), that lack up to `unseen` minutes of the day.

    Whatever their turnover u is, its squares add at least u^2 / n, n being `unseen`. The variance
    is then smallest at u = S / (N / n - 1), S being the sum and N the day's minutes:
    Q / N - (S / N)^2 (1 + 1 / (N / n - 1)).
    """
    mean = total / DAY_OF_MINUTES
    spread = 1.0 + 1.0 / (DAY_OF_MINUTES / unseen - 1.0)
    variance = squares / DAY_OF_MINUTES - spread * mean * mean
    return UsualMinute(mean, np.sqrt(np.maximum(variance - CANCELLED * mean * mean, 0.0)))


def day_before(candles: Candles, time: int) -> IntArray | None:
    """Return the columns of the day's minutes that ended 60 s before `time`, the last 1,440 known.

    None when fewer are known. `candles` are those of one symbol.
    """
    ended = int(np.searchsorted(candles.open_time, (time - MINUTE) // MINUTE * MINUTE))
    known = np.flatnonzero(~np.isnan(candles.close[0, :ended]))
    return known[-DAY_OF_MINUTES:] if len(known) >= DAY_OF_MINUTES else None


def moves_at_once(strength: FloatArray, rise: FloatArray) -> bool:
    """Return whether the whole market jumps.

    `strength` is the turnover of the last 60 s over that of the mean minute, `rise` the price's
    rise in them as a fraction, both shaped (symbols,), NaN where they are not known.
    """
    known = int((~np.isnan(strength) & ~np.isnan(rise)).sum())
    jumping = int(((strength > MARKET_STRENGTH) & (rise > MARKET_RISE)).sum())
    return known >= FEWEST and jumping >= LARGE_PART * known


def strongest(strength: FloatArray, cap: int) -> IntArray:
    """Return the rows of the symbols with strength, the strongest first, at most `cap` of them.

    Equals come in order of their rows; zero and NaN are no strength.
    """
    rows = np.flatnonzero(strength > 0)
    chosen: IntArray = rows[np.argsort(-strength[rows], kind="stable")][:cap]
    return chosen
