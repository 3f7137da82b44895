"""The shape of one sharp move: how price and turnover depart from what they would have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pumpwatch_workbench.simulator.market.source import FloatArray, IntArray
from pumpwatch_workbench.simulator.market.synthetic import calibration

SPAN_MS = 3 * 3_600_000
"""Time until a move has vanished."""

_SURGE_MS = 1_000.0 * np.array(calibration.SURGE_SECONDS)
_SURGE_MINUTES = np.array(calibration.SURGE_MINUTES, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Surge:
    """One move of one symbol (a pump, a natural spike, a crash)."""

    index: int
    onset: int
    """Milliseconds UTC."""
    rise_ms: int
    """Milliseconds from the onset to the extreme."""
    log_size: float
    """Logarithm of the extreme over the price before; negative for a crash."""
    volume: float
    """Turnover compared with the median pump's (which is 64 quiet minutes' worth in 15 s)."""
    decay: tuple[tuple[float, float], ...] = calibration.DECAY
    """Retracement of the move: (share, seconds) of exponentials."""
    bounce: float = calibration.BOUNCE

    @property
    def extreme(self) -> int:
        """Return the instant of the highest (or lowest) price, milliseconds UTC."""
        return self.onset + self.rise_ms

    @property
    def size(self) -> float:
        """Return the move to the extreme as a fraction of the price before it."""
        return float(np.expm1(self.log_size))

    def log_price(self, times: IntArray, normals: FloatArray) -> FloatArray:
        """Return what the move adds to the logarithm of the price at each time.

        `normals` are standard normals, one for each time, that let the price bounce after its
        extreme.
        """
        elapsed = (times - self.onset).astype(np.float64)
        rising = np.clip(elapsed / self.rise_ms, 0.0, 1.0) ** calibration.RISE_POWER
        seconds = np.clip(elapsed - self.rise_ms, 0.0, None) / 1_000.0
        fading = np.zeros_like(seconds)
        for share, constant in self.decay:
            fading += share * np.exp(-seconds / constant)
        fading *= np.clip(1.0 - elapsed / SPAN_MS, 0.0, 1.0) ** 2
        bounce = self.bounce * np.exp(-seconds / calibration.BOUNCE_SECONDS) * normals
        bounced = np.minimum(fading + np.where(seconds > 0, bounce, 0.0), 0.97)
        shape = np.where(elapsed <= self.rise_ms, rising, bounced)
        move: FloatArray = self.log_size * np.where(elapsed < SPAN_MS, shape, 0.0)
        return move

    def turnover(self, start: IntArray, end: IntArray) -> FloatArray:
        """Return the extra turnover in [start, end), in minutes' worth of quiet turnover."""
        until_end = np.interp(end - self.onset, _SURGE_MS, _SURGE_MINUTES)
        until_start = np.interp(start - self.onset, _SURGE_MS, _SURGE_MINUTES)
        extra: FloatArray = self.volume * (until_end - until_start)
        return extra
