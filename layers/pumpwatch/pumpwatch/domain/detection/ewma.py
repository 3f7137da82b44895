"""The rule `ewma`: a minute's turnover far above its running mean, and a jump of the price.

x is the minute's turnover, past only::

    a = 2 / (span + 1)              d_t = x_t - m_{t-1}
    m_t = m_{t-1} + a d_t           s2_t = a d_t^2 + (1 - a) s2_{t-1}
    z_t = d_t / sqrt(s2_{t-1} + epsilon^2)
    jump_t = high_t / close_{t-1} - 1

with m_0 = x_0 and s2_0 = 0. Alarm: z above `turnover_z` and jump above `jump`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from pumpwatch.domain.market.candles import Candles, FloatArray, IntArray
from pumpwatch.domain.moments import HOUR, MINUTE

from .base import Carry, Detections, Detector, KnownTrades
from .chunks import blank, chunks
from .windows import leaky_sum, previous


@dataclass(frozen=True, slots=True)
class Ewma(Detector):
    """The rule and its settings; the defaults were chosen on real pumps, see docs/strategy.md."""

    span: int = 1440
    """Minutes; the running mean's centre of mass is half of it."""
    turnover_z: float = 48.0
    jump: float = 0.07
    """Fraction."""
    epsilon: float = 0.1
    """Smallest standard deviation of the turnover, in the turnover's currency."""
    warm_up: int = 1440
    """Minutes of history before a symbol may signal live."""

    name: ClassVar[str] = "ewma"
    interval: ClassVar[int] = MINUTE
    flow: ClassVar[str] = "turnover"
    history: ClassVar[int] = 25 * HOUR // MINUTE
    unseen_limit: ClassVar[int] = 24 * HOUR // MINUTE
    """The bounds decay and hold for longer, but the screen's looks reach back no further."""
    monotone: ClassVar[bool] = True
    extra: ClassVar[int] = 0

    def __post_init__(self) -> None:
        if self.span <= 1 or self.warm_up < 1:
            raise ValueError(
                f"span {self.span} must be at least 2, warm-up {self.warm_up} at least 1"
            )
        if min(self.turnover_z, self.jump, self.epsilon) <= 0:
            raise ValueError("turnover_z, jump and epsilon must be above zero")

    @property
    def alpha(self) -> float:
        """Return the weight of the newest value."""
        return 2.0 / (self.span + 1)

    @property
    def window(self) -> int:
        return self.warm_up

    @property
    def minimum(self) -> int:
        return min(self.warm_up, 24 * HOUR // MINUTE)

    @property
    def memory(self) -> str:
        return f"{self.name} {self.span}"

    def detect(
        self, candles: Candles, start: Carry | None = None, trades: KnownTrades = None
    ) -> Detections:
        """Return alarm, z-score of the turnover and jump of every candle."""
        results = blank(candles)
        for chunk in chunks(candles, start, ("turnover", "high", "close")):
            turnover, high, close = chunk.columns
            strength, _, _ = self._scores(turnover, chunk.start)
            jump = high / previous(close, chunk.start.close)
            jump -= 1.0
            alarm = (strength > self.turnover_z) & (jump > self.jump)
            chunk.write(results, self.minimum, alarm, strength, jump)
        return results

    def _scores(
        self, turnover: FloatArray, start: Carry
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return z, running mean and running variance, each shaped like `turnover`."""
        keep = 1.0 - self.alpha
        seen = start.count > 0
        # A running mean that starts at x_0 with variance 0 gives m_0 = x_0 and s2_0 = 0.
        first_mean = np.where(seen, start.mean, turnover[:, 0])
        first_variance = np.where(seen, start.variance, 0.0)
        mean = leaky_sum(turnover * self.alpha, keep, first_mean)
        distance = turnover - previous(mean, first_mean)
        variance = leaky_sum(distance * distance * self.alpha, keep, first_variance)
        score = previous(variance, first_variance)
        score += self.epsilon**2
        np.sqrt(score, out=score)
        np.divide(distance, score, out=score)
        return score, mean, variance

    def advance(self, candles: Candles, start: Carry | None = None) -> Carry:
        """Return count, last close, running mean and variance after the last column."""
        memory = (Carry.none(candles.shape[0]) if start is None else start).copy()
        for chunk in chunks(candles, start, ("turnover", "close")):
            turnover, close = chunk.columns
            _, mean, variance = self._scores(turnover, chunk.start)
            memory.count[chunk.rows] = chunk.start.count + chunk.counts
            memory.close[chunk.rows] = chunk.last(close, chunk.start.close)
            memory.mean[chunk.rows] = chunk.last(mean, chunk.start.mean)
            memory.variance[chunk.rows] = chunk.last(variance, chunk.start.variance)
        return memory

    def needs(
        self, carry: Carry, unseen: IntArray, low: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return lower bounds (turnover, high) of the next candle that could alarm.

        Turnover is never negative, so k candles leave at least (1-a)^k of mean and variance.
        """
        left = (1.0 - self.alpha) ** unseen
        flow = left * carry.mean
        flow += self.turnover_z * np.sqrt(left * carry.variance + self.epsilon**2)
        close = np.where(unseen == 0, carry.close, np.fmin(carry.close, low))
        return flow, (1.0 + self.jump) * close
