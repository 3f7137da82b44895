"""Figures of a perpetual besides its price: mark, index, funding, open interest, spread, depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import HOUR_MS
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, FloatArray
from pumpwatch_workbench.simulator.market.synthetic.contracts import SyntheticContracts
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.synthetic.surges import Surge

_FUNDING, _INTEREST = 800, 801
_USUAL_FUNDING = 0.0001
_LOWEST_FUNDING = -0.02
_EXCITED_MS = 10 * MINUTE_MS
_FUNDING_FADES_MS = 2 * HOUR_MS


class Derivatives:
    """Derives from prices and pumps what the exchange shows beside them."""

    def __init__(self, contracts: SyntheticContracts, noise: Noise) -> None:
        self._contracts = contracts
        self._noise = noise
        self._interval_ms = np.array(
            [listing.funding_interval_minutes * MINUTE_MS for listing in contracts.listings],
            dtype=np.int64,
        )
        turnover = contracts.daily_turnover
        tick = 1.0 / contracts.scale / contracts.price
        self._half_spread = np.maximum(
            np.clip(2e-4 * (1e7 / turnover) ** 0.35, 1e-5, 3e-3), 0.5 * tick
        )
        self._depth = 1.2 * turnover**0.6
        self._interest = 2.0 * turnover**0.9 / contracts.price

        # The latest hour's values, because they are asked for many times within it.
        self._funding_of: tuple[int, FloatArray] = (-1, self._depth)
        self._interest_of: tuple[int, FloatArray] = (-1, self._depth)

    def at(
        self, time: int, last: FloatArray, minute_ago: FloatArray, pumps: Sequence[Surge]
    ) -> dict[str, Any]:
        """Return fields of a `MarketView` from the prices now and one minute before."""
        index = 0.5 * (last + minute_ago)
        excitement = self._fading(pumps, time, _EXCITED_MS)
        return {
            "mark": 0.5 * (last + index),
            "index": index,
            "open_interest": self._usual_interest(time // HOUR_MS) * (1.0 + 2.0 * excitement),
            "funding_rate": self._funding(time, pumps),
            "half_spread": np.minimum(self._half_spread * (1.0 + 20.0 * excitement), 0.02),
            "depth_usdt": self._depth / (1.0 + 10.0 * excitement),
        }

    def payments(
        self, index: int, start: int, end: int, pumps: Sequence[Surge]
    ) -> list[tuple[int, float]]:
        """Return one symbol's funding payments with `start < time <= end`: (time, rate)."""
        interval = int(self._interval_ms[index])
        times = range((start // interval + 1) * interval, end + 1, interval)
        # The rate shown just before the payment is the rate paid.
        return [(time, float(self._funding(time - 1, pumps)[index])) for time in times]

    def _funding(self, time: int, pumps: Sequence[Surge]) -> FloatArray:
        """Return the rate of the next payment: near the usual one, far below zero after a pump."""
        calm = self._calm_funding(time // HOUR_MS)
        squeeze = 0.05 * self._fading(pumps, time, _FUNDING_FADES_MS)
        return np.maximum(calm - squeeze, _LOWEST_FUNDING)

    def _calm_funding(self, hour: int) -> FloatArray:
        if self._funding_of[0] != hour:
            # One series per payment: the number of the funding interval is part of the address.
            series = self._contracts.series * 1_000_003 + hour * HOUR_MS // self._interval_ms
            noise = self._noise.normals(_FUNDING, np.zeros(1, dtype=np.int64), series)[0][0]
            rate = _USUAL_FUNDING * (1.0 + 0.5 * np.maximum(noise, -3.0))
            self._funding_of = (hour, rate)
        return self._funding_of[1]

    def _usual_interest(self, hour: int) -> FloatArray:
        if self._interest_of[0] != hour:
            swing = self._noise.wandering(_INTEREST, hour, 1, self._contracts.series, 6)[0]
            self._interest_of = (hour, self._interest * np.exp(0.1 * swing))
        return self._interest_of[1]

    def _fading(self, pumps: Sequence[Surge], time: int, fades_ms: int) -> FloatArray:
        """Return the sizes of each symbol's pumps, fading from their extremes."""
        excitement = np.zeros(self._interval_ms.size)
        recent = [pump for pump in pumps if 0 <= time - pump.onset < 6 * fades_ms]
        for pump in recent:
            rise = min((time - pump.onset) / pump.rise_ms, 1.0)
            age = max(time - pump.extreme, 0) / fades_ms
            excitement[pump.index] += pump.size * rise * np.exp(-age)
        return excitement
