"""The shape of one sharp move: how price and turnover depart from what they would have been."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import HOUR_MS
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, FloatArray, IntArray
from pumpwatch_workbench.simulator.market.synthetic import calibration
from pumpwatch_workbench.simulator.market.trades import PriceLine

SPAN_MS = 3 * HOUR_MS
"""Time until a move has vanished."""
YOUNG_MS = 2 * MINUTE_MS
"""Time after the extreme in which the price moves within seconds."""
KNOTS: IntArray = np.arange(0, MINUTE_MS + 1, 500)
LAST_KNOT = MINUTE_MS - 2

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
    """Turnover compared with the median pump's."""
    decay: tuple[tuple[float, float], ...] = calibration.DECAY
    """Retracement of the move: (share, seconds) of exponentials."""
    bounce: float = calibration.BOUNCE
    lead: float = 0.0
    """Minutes' worth of quiet turnover that trades shortly before the onset."""
    jitter: float = calibration.JITTER
    """The most that a price is short of the move, as a share of it."""
    crowd: bool = True
    """True for a pump: many people buy."""
    announced: bool = False

    @property
    def extreme(self) -> int:
        """Return the instant of the highest (or lowest) price, milliseconds UTC."""
        return self.onset + self.rise_ms

    @property
    def size(self) -> float:
        """Return the move to the extreme as a fraction of the price before it."""
        return float(np.expm1(self.log_size))

    @property
    def begin(self) -> int:
        """Return when its turnover begins, milliseconds UTC."""
        return self.onset - HOUR_MS if self.lead else self.onset

    @property
    def young(self) -> range:
        """Return the minutes (numbered from 1970) that have a line of their own."""
        first = self.onset - calibration.LEAD_MS * bool(self.lead)
        return range(first // MINUTE_MS, (self.extreme + YOUNG_MS) // MINUTE_MS + 1)

    def log_price(self, times: IntArray, normals: FloatArray) -> FloatArray:
        """Return what the move adds to the logarithm of the price at each time.

        `normals` are standard normals, one for each time, that let the price bounce after its
        extreme.
        """
        elapsed = (times - self.onset).astype(np.float64)
        seconds = np.clip(elapsed - self.rise_ms, 0.0, None) / 1_000.0
        fading = np.zeros_like(seconds)
        for share, constant in self.decay:
            fading += share * np.exp(-seconds / constant)
        fading *= np.clip(1.0 - elapsed / SPAN_MS, 0.0, 1.0) ** 2
        bounce = self.bounce * np.exp(-seconds / calibration.BOUNCE_SECONDS) * normals
        bounced = np.minimum(fading + np.where(seconds > 0, bounce, 0.0), 0.97)
        shape = np.where(elapsed <= self.rise_ms, self._rising(elapsed), bounced)
        move: FloatArray = self.log_size * np.where(elapsed < SPAN_MS, shape, 0.0)
        return move

    def _rising(self, elapsed: FloatArray) -> FloatArray:
        """Return the share of the move that is done: a jolt, then a climb to the extreme."""
        highest, slope, lowest, most = calibration.JOLT_SHARE
        jolt = np.clip(highest - slope * np.log(self.rise_ms / 1_000.0), lowest, most)
        jolt_ms = min(calibration.JOLT_MS, 0.5 * self.rise_ms)
        early = np.clip(elapsed / jolt_ms, 0.0, 1.0) ** calibration.JOLT_POWER
        late = np.clip((elapsed - jolt_ms) / (self.rise_ms - jolt_ms), 0.0, 1.0)
        share: FloatArray = jolt * early + (1.0 - jolt) * late
        return share

    def line(
        self,
        opened: int,
        edges: tuple[float, float],
        chance: FloatArray,
        *,
        volume: float,
        flows: tuple[float, float],
        bought: float,
        scale: float,
    ) -> PriceLine:
        """Return the line of one of the minutes in which the move is young.

        The minute opens at `opened` (milliseconds UTC); `edges` are its open and close, `volume` is
        base coin. `chance` holds numbers in (0, 1), one for each of `KNOTS`: how far a price is
        short of the move. `flows` are its turnover without the move and that of a quiet minute,
        USDT; `bought` is the share of the orders that buy once the move has begun.
        """
        inner = [self.onset - opened, self.extreme - opened]
        own = np.array([at for at in inner if 0 < at < LAST_KNOT], dtype=np.int64)
        offset = np.union1d(KNOTS, own)
        shape = self.log_price(opened + offset, np.zeros(len(offset)))
        since = np.maximum(opened + offset - self.onset, 0) / 1_000.0
        calmer = np.exp(-since / calibration.CALM_SECONDS)
        least = calibration.LEAST_JITTER
        short = np.interp(offset, KNOTS, chance) * self.jitter * (least + (1.0 - least) * calmer)
        short[np.isin(offset, [0, MINUTE_MS, *own])] = 0.0
        left, right = np.log(edges) - shape[[0, -1]]
        # The price bounces after the extreme only.
        still = float(np.clip(self.extreme - opened, 0, LAST_KNOT))
        rest = left + (right - left) * np.clip((offset - still) / (MINUTE_MS - still), 0.0, 1.0)
        price = np.exp(rest + shape * (1.0 - short))
        price[[0, -1]] = edges
        price = np.maximum(np.rint(price * scale), 1.0) / scale
        times = opened + offset
        extra = self.turnover(np.full(len(offset), opened), times)
        flow = flows[0] * offset / MINUTE_MS + flows[1] * extra
        traded = np.cumsum(np.diff(flow) / (price[1:] + price[:-1]) * 2.0)
        eager = self.crowd * calibration.EAGER_BOUGHT * np.exp(-since / calibration.EAGER_SECONDS)
        buying = np.where(times >= self.onset, bought + eager, 0.5)
        return PriceLine(
            offset.astype(np.float64),
            price,
            np.append(0.0, traded / traded[-1] * volume),
            np.clip(buying, 0.05, 0.95),
        )

    def turnover(self, start: IntArray, end: IntArray) -> FloatArray:
        """Return the extra turnover in [start, end), in minutes' worth of quiet turnover."""
        until_end = np.interp(end - self.onset, _SURGE_MS, _SURGE_MINUTES)
        until_start = np.interp(start - self.onset, _SURGE_MS, _SURGE_MINUTES)
        extra: FloatArray = self.volume * (until_end - until_start)
        if self.lead:
            for span, minutes in (
                (calibration.LEAD_MS, self.lead),
                (HOUR_MS, calibration.HOUR_BEFORE_MINUTES),
            ):
                before = np.clip(np.array([start, end]) - self.onset + span, 0, span) / span
                extra = extra + minutes * (before[1] - before[0])
        return extra
