"""The rule of Kamps & Kleinberg 2018, the usual baseline, one-hour candles.

    High_t > p * SMA_w(Close)     Volume_t > v * SMA_w(Volume)

Both means hold the current candle, as published. Their "dump" test looks hours ahead, so it is not
here. The rule is compared with on recordings only: it raises no alarm in production.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pumpwatch.domain.detection.base import CandleRule, Carry, Detections, KnownTrades
from pumpwatch.domain.detection.chunks import blank, chunks
from pumpwatch.domain.detection.windows import trailing_sum, window_lengths
from pumpwatch.domain.market.candles import Candles
from pumpwatch.domain.moments import HOUR


@dataclass(frozen=True, slots=True)
class KampsKleinberg(CandleRule):
    """The rule and its settings; the defaults are published ones, w = 12 and v = 4."""

    hours: int = 12
    price_factor: float = 1.05
    volume_factor: float = 4.0

    name: ClassVar[str] = "kamps-kleinberg"
    interval: ClassVar[int] = HOUR
    minimum: ClassVar[int] = 24

    def __post_init__(self) -> None:
        if self.hours <= 1 or not 0 < self.volume_factor < self.hours or self.price_factor <= 1:
            raise ValueError("hours must be above volume_factor, price_factor above 1")

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
