"""Trades of a synthetic market: few people as a rule, one large in a burst, many in a pump."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import MINUTES_PER_DAY
from pumpwatch_workbench.simulator.market.paths import MinutePaths
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, BoolArray, FloatArray, IntArray
from pumpwatch_workbench.simulator.market.synthetic import calibration
from pumpwatch_workbench.simulator.market.synthetic.contracts import SyntheticContracts
from pumpwatch_workbench.simulator.market.synthetic.generator import Lines
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.synthetic.surges import Surge
from pumpwatch_workbench.simulator.market.tape import Tape
from pumpwatch_workbench.simulator.market.trades import PriceLines, Style, draw

_CROWD = 703
MOST_ORDERS = 4_000


class SyntheticTrades:
    """Draws the trades of any minutes; each minute has its own random numbers."""

    def __init__(self, contracts: SyntheticContracts, noise: Noise) -> None:
        self._contracts = contracts
        self._noise = noise

    def draw(self, first: int, paths: MinutePaths, lines: Lines, pumps: Sequence[Surge]) -> Tape:
        """Return the trades of minutes shaped (count, all symbols) from minute `first` on.

        On the tape row follows row. `pumps` are those that may touch these minutes.
        """
        shape = paths.volume.shape
        minute = np.repeat(np.arange(first, first + shape[0]), shape[1])
        symbol = np.tile(np.arange(shape[1]), shape[0])
        flat = paths.reshaped((len(minute),))
        usual = self._contracts.daily_turnover[symbol] / MINUTES_PER_DAY
        pumped = _pumped(shape, first, pumps).ravel()
        style, bought = self._style(minute, symbol, flat.turnover / usual, usual, pumped)
        special = {row * shape[1] + column: line for (row, column), line in lines.items()}
        return draw(PriceLines.along(flat, bought, special), style, self._noise)

    def _style(
        self,
        minute: IntArray,
        symbol: IntArray,
        busy: FloatArray,
        usual: FloatArray,
        pumped: BoolArray,
    ) -> tuple[Style, FloatArray]:
        """Return who trades at `busy` times the usual turnover (USDT a minute).

        Outside of pumps: the larger a minute's turnover, the more it is one person.
        """
        radius, angle, bought, _ = self._noise.scattered(_CROWD, minute, symbol)
        normal = np.sqrt(-2.0 * np.log(radius)) * np.cos(2.0 * np.pi * angle)
        other = np.sqrt(-2.0 * np.log(radius)) * np.sin(2.0 * np.pi * angle)
        logarithm = np.log(np.maximum(busy, 1e-3))
        calm, burst, pump = (
            level + slope * logarithm + deviation * drawn
            for (level, slope, deviation), drawn in (
                (calibration.CALM_ORDERS, normal),
                (calibration.BURST_ORDERS, other),
                (calibration.PUMP_ORDERS, normal),
            )
        )
        times = (usual / calibration.MEASURED_TURNOVER) ** calibration.ORDERS_FOLLOW_TURNOVER
        orders = np.exp(np.where(pumped, pump, np.maximum(calm, burst))) * np.maximum(times, 1.0)
        mean, deviation = calibration.PUMP_BOUGHT
        crowd = np.clip(mean + deviation * other, 0.05, 0.95)

        def choose(pump: float, otherwise: float) -> FloatArray:
            return np.where(pumped, pump, otherwise)

        return Style(
            minute,
            symbol,
            self._contracts.scale[symbol],
            self._contracts.step[symbol],
            np.clip(np.rint(orders), 1, MOST_ORDERS).astype(np.int64),
            choose(calibration.PUMP_FILLS, calibration.BURST_FILLS),
            choose(calibration.PUMP_UNEVENNESS, calibration.BURST_UNEVENNESS),
            choose(calibration.PUMP_LEANING, calibration.BURST_LEANING),
            choose(calibration.PUMP_SWEEPING, 0.0),
        ), np.where(pumped, crowd, bought)


def _pumped(shape: tuple[int, ...], first: int, pumps: Sequence[Surge]) -> BoolArray:
    pumped = np.zeros(shape, dtype=np.bool_)
    for pump in pumps:
        begin = pump.onset // MINUTE_MS - first
        end = (pump.onset + calibration.PUMP_TRADERS_STAY_MS) // MINUTE_MS + 1 - first
        pumped[max(begin, 0) : max(end, 0), pump.index] = True
    return pumped
