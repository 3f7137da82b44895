"""Trades of a synthetic market: few people as a rule, one large in a burst, many in a pump."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator as Random

from pumpwatch_workbench.simulator.engine.prices import decimals
from pumpwatch_workbench.simulator.market.day_window import MINUTES_PER_DAY
from pumpwatch_workbench.simulator.market.paths import MinutePaths
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, Trades
from pumpwatch_workbench.simulator.market.synthetic import calibration
from pumpwatch_workbench.simulator.market.synthetic.contracts import SyntheticContracts
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.synthetic.surges import Surge
from pumpwatch_workbench.simulator.market.trades import Style, draw, line_of

_PRINTS = 700
MOST_ORDERS = 4_000


class SyntheticTrades:
    """Draws the trades of any minute; each minute has its own random numbers."""

    def __init__(self, contracts: SyntheticContracts, noise: Noise) -> None:
        self._contracts = contracts
        self._noise = noise
        self._units = [10.0 ** -decimals(listing.quantity_step) for listing in contracts.listings]

    def trades(self, index: int, minute: int, path: MinutePaths, pumps: Sequence[Surge]) -> Trades:
        """Return the trades of one minute (numbered from 1970); `pumps` are the symbol's own."""
        address = np.array([minute], dtype=np.int64), np.array([index], dtype=np.int64)
        random = np.random.default_rng(int(self._noise.bits(_PRINTS, *address)[0, 0]))
        opened = minute * MINUTE_MS
        stay = calibration.PUMP_TRADERS_STAY_MS
        pumped = any(pump.onset - MINUTE_MS < opened < pump.onset + stay for pump in pumps)
        usual = float(self._contracts.daily_turnover[index]) / MINUTES_PER_DAY
        busy = float(path.turnover) / usual
        style = (_in_a_pump if pumped else _otherwise)(busy, usual, random)
        scale, unit = float(self._contracts.scale[index]), self._units[index]
        return draw(line_of(path), style, random, opened=opened, scale=scale, unit=unit)


def _in_a_pump(busy: float, usual: float, random: Random) -> Style:
    """Return who trades at `busy` times the usual turnover (USDT a minute)."""
    orders = _orders(calibration.PUMP_ORDERS, busy, random)
    bought = np.clip(random.normal(*calibration.PUMP_BOUGHT), 0.05, 0.95)
    return Style(
        _bounded(orders, usual),
        calibration.PUMP_FILLS,
        calibration.PUMP_UNEVENNESS,
        float(bought),
        calibration.PUMP_LEANING,
    )


def _otherwise(busy: float, usual: float, random: Random) -> Style:
    """Return who trades in any other minute: the larger its turnover, the more it is one person."""
    calm = _orders(calibration.CALM_ORDERS, busy, random)
    burst = _orders(calibration.BURST_ORDERS, busy, random)
    return Style(
        _bounded(max(calm, burst), usual),
        calibration.BURST_FILLS,
        calibration.BURST_UNEVENNESS,
        float(random.beta(*calibration.BURST_BOUGHT)),
        calibration.BURST_LEANING,
    )


def _orders(line: tuple[float, float, float], busy: float, random: Random) -> float:
    level, slope, deviation = line
    logarithm = level + slope * np.log(max(busy, 1e-3)) + deviation * random.standard_normal()
    return float(np.exp(logarithm))


def _bounded(orders: float, usual: float) -> int:
    """Return how many orders there are in a coin busier, or not, than those that were measured."""
    times = (usual / calibration.MEASURED_TURNOVER) ** calibration.ORDERS_FOLLOW_TURNOVER
    return int(min(max(round(orders * max(1.0, times)), 1), MOST_ORDERS))
