"""Who trades in a synthetic minute: few people as a rule, one large trader in a burst, a crowd in a
pump."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator as Random

from pumpwatch_workbench.simulator.engine.prices import decimals
from pumpwatch_workbench.simulator.market.day_window import MINUTES_PER_DAY
from pumpwatch_workbench.simulator.market.paths import MinutePaths
from pumpwatch_workbench.simulator.market.prints import Style, draw, line_of
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, Prints
from pumpwatch_workbench.simulator.market.synthetic import calibration
from pumpwatch_workbench.simulator.market.synthetic.contracts import Contracts
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.synthetic.surges import Surge

_PRINTS = 700
MOST_ORDERS = 4_000


class Crowds:
    """Draws the trades of any minute; each minute has its own random numbers."""

    def __init__(self, contracts: Contracts, noise: Noise) -> None:
        self._contracts = contracts
        self._noise = noise
        self._units = [10.0 ** -decimals(one.quantity_step) for one in contracts.listings]

    def prints(self, index: int, minute: int, path: MinutePaths, pumps: Sequence[Surge]) -> Prints:
        """Return the trades of one minute (numbered from 1970); `pumps` are the symbol's own."""
        address = np.array([minute], dtype=np.int64), np.array([index], dtype=np.int64)
        random = np.random.default_rng(int(self._noise.bits(_PRINTS, *address)[0, 0]))
        opened = minute * MINUTE_MS
        pumped = any(
            opened + MINUTE_MS > one.onset and opened < one.onset + calibration.CROWD_STAYS_MS
            for one in pumps
        )
        usual = float(self._contracts.daily_turnover[index]) / MINUTES_PER_DAY
        busy = float(path.turnover) / usual
        draws = crowd if pumped else others
        style = draws(busy, usual, random)
        return draw(
            line_of(path),
            style,
            random,
            opened=opened,
            scale=float(self._contracts.scale[index]),
            unit=self._units[index],
        )


def crowd(busy: float, usual: float, random: Random) -> Style:
    """Return a minute of a pump with so many times its usual turnover (USDT a minute)."""
    orders = _orders(calibration.CROWD_ORDERS, busy, random)
    bought = np.clip(random.normal(*calibration.CROWD_BOUGHT), 0.05, 0.95)
    return Style(
        _bounded(orders * _liquid(usual)),
        calibration.CROWD_FILLS,
        calibration.CROWD_UNEVENNESS,
        float(bought),
        calibration.CROWD_LEANING,
    )


def others(busy: float, usual: float, random: Random) -> Style:
    """Return any other minute: the larger its turnover, the more it is one trader's."""
    calm = _orders(calibration.CALM_ORDERS, busy, random)
    burst = _orders(calibration.BURST_ORDERS, busy, random)
    return Style(
        _bounded(max(calm, burst) * _liquid(usual)),
        calibration.BURST_FILLS,
        calibration.BURST_UNEVENNESS,
        float(random.beta(*calibration.BURST_BOUGHT)),
        calibration.BURST_LEANING,
    )


def _orders(line: tuple[float, float, float], busy: float, random: Random) -> float:
    level, slope, deviation = line
    logarithm = level + slope * np.log(max(busy, 1e-3)) + deviation * random.standard_normal()
    return float(np.exp(logarithm))


def _liquid(usual: float) -> float:
    """Return how many times more orders a busier coin sees than those that were measured."""
    times = usual / calibration.MEASURED_TURNOVER
    return float(max(1.0, times**calibration.ORDERS_FOLLOW_TURNOVER))


def _bounded(orders: float) -> int:
    return int(min(max(round(orders), 1), MOST_ORDERS))
