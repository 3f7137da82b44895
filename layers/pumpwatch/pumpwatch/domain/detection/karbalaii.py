"""The rule of Karbalaii 2025 (arXiv 2503.08692), one-hour candles, its best published setting.

V is the candle's volume in the base coin; all four must hold, everything but V and High from the
past::

    High_t > (1 + 0.90) * mean(Open,   previous 12 h)
    V_t    > (1 + 4.00) * mean(Volume, previous 12 h)
    V_t    > 0.70 * EWMA_20d(Volume) + 2 * sigma_daily(Volume)
    V_t    > 0.60 * max(Volume, previous 30 days)

Readings, where the text leaves a choice: "+400 %" is five times the mean; EWMA_20d has a span of
480 hourly candles and starts at the first one; sigma_daily is the population standard deviation of
the hourly volumes of the previous 24 hours. Windows that are not full yet use the candles there
are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pumpwatch.domain.market.candles import Candles, FloatArray, IntArray
from pumpwatch.domain.moments import HOUR

from .base import Carry, Detections, Detector, KnownTrades
from .chunks import blank, chunks
from .windows import (
    leaky_sum,
    previous,
    trailing_max,
    trailing_spread,
    trailing_sum,
    window_lengths,
)


@dataclass(frozen=True, slots=True)
class Karbalaii(Detector):
    """The rule and its settings; the defaults are the published ones."""

    price_rise: float = 0.90
    volume_rise: float = 4.00
    ewma_share: float = 0.70
    sigmas: float = 2.0
    maximum_share: float = 0.60
    price_hours: int = 12
    ewma_hours: int = 480
    sigma_hours: int = 24
    maximum_hours: int = 720

    name: ClassVar[str] = "karbalaii"
    interval: ClassVar[int] = HOUR
    flow: ClassVar[str] = "volume"
    minimum: ClassVar[int] = 24
    monotone: ClassVar[bool] = True
    extra: ClassVar[int] = 2
    unseen_limit: ClassVar[int] = 48
    """The bounds of `needs` hold for at most so many unseen candles."""

    def __post_init__(self) -> None:
        if min(self.price_hours, self.ewma_hours, self.sigma_hours) <= 1:
            raise ValueError("every window of karbalaii must hold at least 2 hours")
        if self.maximum_hours <= self.unseen_limit:
            raise ValueError(f"maximum_hours must be above {self.unseen_limit}")

    @property
    def window(self) -> int:
        return max(self.maximum_hours, self.ewma_hours, self.sigma_hours, self.price_hours)

    @property
    def history(self) -> int:
        return self.window + 26

    @property
    def _keep(self) -> float:
        return 1.0 - 2.0 / (self.ewma_hours + 1)

    @property
    def memory(self) -> str:
        return repr(self)

    def detect(
        self, candles: Candles, start: Carry | None = None, trades: KnownTrades = None
    ) -> Detections:
        """Return alarm, volume over the highest of its three limits, and the rise over the open."""
        results = blank(candles)
        for chunk in chunks(candles, start, ("open", "high", "volume")):
            opened, high, volume = chunk.columns
            mean_open = trailing_sum(opened, self.price_hours)
            mean_open /= window_lengths(volume.shape[1], self.price_hours)
            jump = high / previous(mean_open, np.nan)
            jump -= 1.0
            limit = previous(self._limit_after(volume, chunk.start), np.nan)
            with np.errstate(divide="ignore", invalid="ignore"):
                strength = volume / limit
            alarm = (volume > limit) & (jump > self.price_rise)
            chunk.write(results, self.minimum, alarm, strength, jump)
        return results

    def _limit_after(self, volume: FloatArray, start: Carry) -> FloatArray:
        limit = trailing_sum(volume, self.price_hours)
        limit *= (1.0 + self.volume_rise) / window_lengths(volume.shape[1], self.price_hours)
        usual = self._average(volume, start)
        usual *= self.ewma_share
        deviation = trailing_spread(volume, self.sigma_hours)
        deviation *= self.sigmas
        usual += deviation
        np.maximum(limit, usual, out=limit)
        highest = trailing_max(volume, self.maximum_hours)
        highest *= self.maximum_share
        return np.maximum(limit, highest, out=limit)

    def _average(self, volume: FloatArray, start: Carry) -> FloatArray:
        first = np.where(start.count > 0, start.mean, volume[:, 0])
        return leaky_sum(volume * (1.0 - self._keep), self._keep, first)

    def advance(self, candles: Candles, start: Carry | None = None) -> Carry:
        """Return the memory after the last column; `extra`: volume maximum, lowest open."""
        memory = (Carry.none(candles.shape[0], self.extra) if start is None else start).copy()
        for chunk in chunks(candles, start, ("open", "close", "volume")):
            opened, close, volume = chunk.columns
            average = self._average(volume, chunk.start)
            memory.count[chunk.rows] = chunk.start.count + chunk.counts
            memory.close[chunk.rows] = chunk.last(close, chunk.start.close)
            memory.mean[chunk.rows] = chunk.last(average, chunk.start.mean)
            surely_inside = chunk.recent(volume, self.maximum_hours - self.unseen_limit)
            memory.extra[chunk.rows, 0] = np.fmax.reduce(surely_inside, axis=1)
            memory.extra[chunk.rows, 1] = np.fmin.reduce(
                chunk.recent(opened, self.price_hours), axis=1
            )
        return memory

    def needs(
        self, carry: Carry, unseen: IntArray, low: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return lower bounds (volume, high) of the next candle that could alarm.

        An hour without a trade opens at the last close, so that close bounds the opens too.
        """
        flow = self.ewma_share * self._keep**unseen * carry.mean
        flow = np.maximum(flow, self.maximum_share * carry.extra[:, 0])
        flow = np.where(unseen <= self.unseen_limit, flow, np.nan)
        lowest_open = np.minimum(np.fmin(carry.close, low), carry.extra[:, 1])
        return flow, (1.0 + self.price_rise) * lowest_open
