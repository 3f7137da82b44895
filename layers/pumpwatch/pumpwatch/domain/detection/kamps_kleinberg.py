"""The rule of Kamps & Kleinberg 2018, the usual baseline, one-hour candles.

    High_t > p * SMA_w(Close)     Volume_t > v * SMA_w(Volume)

Both means hold the current candle, as published. Their "dump" test looks hours ahead, so it is not
here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pumpwatch.domain.market.candles import Candles, FloatArray, IntArray
from pumpwatch.domain.moments import HOUR

from .base import Carry, Detections, Detector, KnownTrades
from .chunks import blank, chunks
from .windows import trailing_sum, window_lengths


@dataclass(frozen=True, slots=True)
class KampsKleinberg(Detector):
    """The rule and its settings; the defaults are published ones, w = 12 and v = 4."""

    hours: int = 12
    price_factor: float = 1.05
    volume_factor: float = 4.0

    name: ClassVar[str] = "kamps-kleinberg"
    interval: ClassVar[int] = HOUR
    flow: ClassVar[str] = "volume"
    minimum: ClassVar[int] = 24
    monotone: ClassVar[bool] = False
    """A forming candle's close is in the mean it is compared with: the finished candle can undo an
    alarm, so only closed candles count."""

    def __post_init__(self) -> None:
        if self.hours <= 1 or not 0 < self.volume_factor < self.hours or self.price_factor <= 1:
            raise ValueError("hours must be above volume_factor, price_factor above 1")

    @property
    def window(self) -> int:
        return max(self.hours, self.minimum)

    @property
    def history(self) -> int:
        return self.window + 26

    @property
    def unseen_limit(self) -> int:
        """Return after how many unseen candles none that is known is in the window any more."""
        return self.hours - 1

    @property
    def extra(self) -> int:
        """Return how many numbers `Carry.extra` holds: the volume sums and the lowest close."""
        return self.hours

    @property
    def memory(self) -> str:
        return f"{self.name} {self.hours}"

    def detect(
        self, candles: Candles, start: Carry | None = None, trades: KnownTrades = None
    ) -> Detections:
        """Return alarm, volume over its mean, and high over the mean close, less one."""
        results = blank(candles)
        for chunk in chunks(candles, start, ("high", "close", "volume")):
            high, close, volume = chunk.columns
            lengths = window_lengths(volume.shape[1], self.hours)
            jump = high / (trailing_sum(close, self.hours) / lengths)
            alarm = jump > self.price_factor
            jump -= 1.0
            with np.errstate(invalid="ignore"):
                strength = volume / (trailing_sum(volume, self.hours) / lengths)
            alarm &= strength > self.volume_factor
            chunk.write(results, self.minimum, alarm, strength, jump)
        return results

    def advance(self, candles: Candles, start: Carry | None = None) -> Carry:
        """Return the memory after the last column.

        `extra` holds, for 0, 1, 2, ... unseen candles, the volume of the candles that are in the
        next window for sure, then the lowest close of the last `hours` - 1 candles.
        """
        memory = (Carry.none(candles.shape[0], self.extra) if start is None else start).copy()
        for chunk in chunks(candles, start, ("close", "volume")):
            close, volume = chunk.columns
            memory.count[chunk.rows] = chunk.start.count + chunk.counts
            memory.close[chunk.rows] = chunk.last(close, chunk.start.close)
            memory.mean[chunk.rows] = 0.0
            memory.variance[chunk.rows] = 0.0
            newest = np.nan_to_num(chunk.recent(volume, self.hours - 1))[:, ::-1]
            sums = np.zeros((len(newest), self.hours - 1))
            sums[:, : newest.shape[1]] = newest
            memory.extra[chunk.rows, :-1] = np.cumsum(sums, axis=1)[:, ::-1]
            memory.extra[chunk.rows, -1] = np.fmin.reduce(
                chunk.recent(close, self.hours - 1), axis=1
            )
        return memory

    def needs(
        self, carry: Carry, unseen: IntArray, low: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return lower bounds (volume, high) of the next candle that could alarm.

        V > v (S + V) / w means V > v S / (w - v), S being the volume of the w - 1 candles before.
        """
        column = np.minimum(unseen, self.hours - 1)[:, None]
        sums = np.concatenate([carry.extra[:, :-1], np.zeros((len(unseen), 1))], axis=1)
        inside = np.take_along_axis(sums, column, axis=1)[:, 0]
        flow = self.volume_factor / (self.hours - self.volume_factor) * inside
        return flow, self.price_factor * np.fmin(carry.extra[:, -1], low)
