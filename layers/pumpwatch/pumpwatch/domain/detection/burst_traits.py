"""Traits of a burst: the last five minutes second by second, beside the day before.

Windows end at the scan. Turnover is taken from the trades where they reach back far enough, else
from the ring; prices from the ring, at steps of five seconds (or of the scan interval, if that is
longer). Nothing is an amount of a currency, and nothing reaches back further than a day.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import HOUR, MINUTE, SECOND

from .bursts import Look, UsualMinute, burst_gates, day_before
from .trade_traits import TRADE_TRAITS, trade_traits
from .traits import BUSY

STEP = 5 * SECOND
SHOWN = 5 * MINUTE
BEGUN = 5.0
"""Times the mean minute: a step of five seconds with more belongs to the burst."""
NOTHING = 1e-10
"""Share of a minute's turnover that may be left of adding up in another order."""
SMALL = 1e-2

FLOW_TRAITS = (
    *(f"turnover of {span} s over the mean minute" for span in (5, 10, 20, 30, 60)),
    "turnover of 10 s in standard deviations",
    "turnover of 60 s in standard deviations",
    *(f"turnover {minutes} min before" for minutes in (1, 2, 3, 4)),
    "rise over the lowest of 60 s",
    "rise over the lowest of 5 min",
    *(f"rise of {span} s" for span in (5, 10, 30)),
    "share of the rise kept, 60 s",
    "share of the rise kept, 5 min",
    "time since the high",
    "steps with turnover, 30 s",
    "steps with turnover, 60 s",
    "steps with turnover before",
    "largest step's share",
    "share of rising steps",
    "efficiency of the rise",
    "share of 5 s in 10 s",
    "share of 10 s in 30 s",
    "share of 30 s in 60 s",
    "age of the burst",
)
BESIDE_DAY_TRAITS = ("turnover of 60 s over the day's largest", "rise in standard deviations")
DAY_TRAITS = (
    "turnover of an hour, 5 min before",
    "turnover of an hour, 1 min before",
    "rise over the median of an hour",
    "volatility of the day",
    "share of minutes with a trade",
    "bursts of the day",
    "largest jump of the day",
)
BURST_TRAITS = FLOW_TRAITS + BESIDE_DAY_TRAITS + DAY_TRAITS + TRADE_TRAITS
"""Names of the columns that `burst_traits` returns."""
CLOCK_TRAITS = ("distance to the full hour", "distance to the half hour")


def burst_traits(look: Look, step: int = STEP) -> tuple[FloatArray, int] | None:
    """Return the traits of a look, (traits,), and when its burst began, milliseconds UTC.

    None when the look is no burst once everything is known, when its day is not known or had no
    turnover, or when no trade of the last minute is known. `step` in milliseconds.
    """
    columns = day_before(look.candles, look.time)
    times = look.time - step * np.arange(SHOWN // step, -1, -1, dtype=np.int64)
    last, ring = look.ring.last_at(times)[0], look.ring.flow_at(times)[0]
    if columns is None or look.trades is None or np.isnan([last, ring]).any():
        return None
    usual = usual_minute(look.candles.turnover[:, columns])
    mean = float(usual.mean[0])
    # Live and from recordings alike: no more trades than an exchange shows.
    shown = look.trades.shown_at(look.time)
    trades = trade_traits(shown, look.time, mean) if mean > 0 else None
    if trades is None:
        return None
    flows = _Flows(ring, shown, times)
    minute = int(MINUTE // step)
    lowest = float(last[-minute - 1 :].min())
    bursts = burst_gates(
        np.array([flows.of(60)]), np.array([flows.of(10)]), np.array([last[-1] / lowest - 1]), usual
    )
    if not bursts[0]:
        return None
    day, largest, volatility = _day_traits(look, columns, mean, float(last[-1]))
    traits = _flow_traits(flows, last, mean, float(usual.deviation[0]), step)
    jump = np.log(last[-1] / lowest)
    beside_day = [
        _log(flows.of(60) / max(largest, mean * 1e-3), 1e-3),
        jump / max(volatility, 1e-5),
    ]
    return (
        np.concatenate([traits, beside_day, day, trades]),
        _begin(look.time, flows.steps, mean, step),
    )


def usual_minute(turnover: FloatArray) -> UsualMinute:
    """Return mean and deviation of minutes, (symbols, minutes); both are zero or neither is."""
    mean = turnover.mean(axis=1)
    return UsualMinute(mean, np.maximum(turnover.std(axis=1), mean * 1e-3))


class _Flows:
    """Turnover up to the scan: of the trades as far as they reach, of the ring beyond.

    Where the ring lags behind the trades, what happened before them has no turnover: a longer span
    never has less than a shorter one.
    """

    def __init__(self, ring: FloatArray, shown: MarketTrades, times: IntArray) -> None:
        since = max(shown.since, int(times[0]))
        trades = shown.between(since, int(times[-1]))
        value = np.concatenate([[0.0], np.cumsum(trades.price * trades.quantity)])
        self._time, self._sum, self._since = trades.time, value, since
        self._times = times
        exact = value[-1] - value[np.searchsorted(trades.time, times)]
        beyond = np.maximum(ring[-1] - ring, value[-1])
        # Turnover from each of `times` to the scan.
        self._until_now = np.where(times < since, beyond, exact)
        self.steps: FloatArray = np.maximum(-np.diff(self._until_now), 0.0)
        """Turnover of each step, oldest first."""

    def of(self, seconds: int) -> float:
        """Return the turnover of the last seconds."""
        begin = self._times[-1] - seconds * SECOND
        if begin >= self._since:
            return float(self._sum[-1] - self._sum[np.searchsorted(self._time, begin)])
        beyond = np.interp(begin, self._times, self._until_now)
        return max(float(beyond), float(self._sum[-1]))


def _flow_traits(
    flows: _Flows, last: FloatArray, mean: float, deviation: float, step: int
) -> FloatArray:
    f5, f10, f20, f30, f60 = (flows.of(seconds) for seconds in (5, 10, 20, 30, 60))
    before = [flows.of(60 * minutes) for minutes in (1, 2, 3, 4, 5)]
    minute = MINUTE // step
    now, recent = float(last[-1]), last[-minute - 1 :]
    begin, highest = float(recent[0]), float(recent.max())
    low, high = float(last.min()), float(last.max())
    changes = np.diff(recent)
    way = float(np.abs(changes).sum())
    rising, moved = np.count_nonzero(changes > 0), np.count_nonzero(changes)
    traded = flows.steps > NOTHING * f60
    lowest = float(recent.min())
    return np.array(
        [
            *(_log(flow / mean) for flow in (f5, f10, f20, f30, f60)),
            _log((f10 - mean / 6) / deviation),
            _log((f60 - mean) / deviation),
            *(_log((later - sooner) / mean, 0.1) for sooner, later in pairwise(before)),
            now / lowest - 1,
            now / low - 1,
            *(
                now / float(last[-1 - max(1, seconds * SECOND // step)]) - 1
                for seconds in (5, 10, 30)
            ),
            max((now - begin) / (highest - begin), -1.0) if highest > begin else 0.0,
            (now - low) / (high - low) if high > low else 0.0,
            (len(recent) - 1 - int(recent.argmax())) * step / SECOND,
            traded[-(30 * SECOND // step) :].mean(),
            traded[-minute:].mean(),
            _log(float(traded[:-minute].sum()), 0.1),
            float(flows.steps[-minute:].max()) / f60,
            rising / max(int(moved), 1),
            (now - begin) / way if way > 0 else 0.0,
            f5 / f10,
            f10 / f30,
            f30 / f60,
            _age(flows.steps[-2 * minute :], step),
        ]
    )


def _age(steps: FloatArray, step: int) -> float:
    """Return how many seconds ago a tenth of two minutes' turnover had passed."""
    passed = np.cumsum(steps)
    return float((len(steps) - np.searchsorted(passed, 0.1 * passed[-1])) * step / SECOND)


def _day_traits(
    look: Look, columns: IntArray, mean: float, now: float
) -> tuple[FloatArray, float, float]:
    """Return the traits of the day before, its largest minute and its volatility."""
    turnover, close, high = (
        getattr(look.candles, name)[0, columns] for name in ("turnover", "close", "high")
    )
    ended = look.candles.open_time[columns] + MINUTE
    early = turnover[ended <= look.time - 5 * MINUTE][-HOUR // MINUTE :]
    volatility = float(np.diff(np.log(close)).std())
    jumps = high[1:-9] / close[:-10] - 1
    settled = turnover[:-9]
    traits = np.array(
        [
            _log(float(early.mean()) / mean, 0.05),
            _log(float(turnover[-HOUR // MINUTE :].mean()) / mean, 0.05),
            now / float(np.median(close[-HOUR // MINUTE :])) - 1,
            volatility,
            float((turnover > 0).mean()),
            float(np.count_nonzero(settled > BUSY * mean)),
            float(jumps.max()),
        ]
    )
    return traits, float(settled.max()), volatility


def _begin(time: int, steps: FloatArray, mean: float, step: int) -> int:
    """Return the time of the burst's beginning: that of its oldest busy step."""
    busy = np.flatnonzero(steps > BEGUN * mean * step / STEP)
    return time - (len(steps) - int(busy[0])) * step if len(busy) else time


def clock_traits(begin: int) -> FloatArray:
    """Return how far from a full and a half hour a burst began: logarithms of seconds, (2,)."""
    return np.array([_distance(begin, HOUR), _distance(begin, HOUR // 2)])


def _distance(time: int, period: int) -> float:
    past = time % period
    return float(np.log1p(min(past, period - past) / SECOND))


def _log(value: float, least: float = SMALL) -> float:
    return float(np.log(max(value, least)))
