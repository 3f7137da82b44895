"""Makes minutes of a synthetic market, for any symbols and any hours.

Logarithms of prices are whole multiples of 1e-12, so that sums of returns do not depend on where a
stretch begins, and every minute is the same whichever request made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import MINUTES_PER_DAY, MINUTES_PER_HOUR
from pumpwatch_workbench.simulator.market.paths import MinutePaths
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, FloatArray, IntArray
from pumpwatch_workbench.simulator.market.synthetic import calibration
from pumpwatch_workbench.simulator.market.synthetic.contracts import MAX_SYMBOLS, SyntheticContracts
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.synthetic.surges import KNOTS, SPAN_MS, Surge
from pumpwatch_workbench.simulator.market.trades import FEWEST, PriceLine

Lines = dict[tuple[int, int], PriceLine]
"""Lines of minutes with more than two turning points, by row and column."""

_UNIT = 1e-12
_EVEN_ODDS = 0.5
_MARKET_SERIES = np.array([2 * MAX_SYMBOLS], dtype=np.int64)
_RETURN, _EXTREMES, _PLACES, _BURST, _SWING, _BOUNCE = range(1, 7)
_YOUNG = 510


@dataclass(frozen=True, slots=True, eq=False)
class _Activity:
    """Activity of each minute; arrays are shaped (minutes, symbols)."""

    swing: FloatArray
    """Slow swings, a logarithm."""
    burst: FloatArray
    """Extra activity of bursts, relative to a quiet minute."""
    surprise: FloatArray
    """The minute's own volume, a standard normal."""
    direction: FloatArray
    """The minute's own return, a standard normal."""


class Generator:
    """Makes returns and paths of chosen symbols (indices into the contracts)."""

    def __init__(self, contracts: SyntheticContracts, noise: Noise, *, quiet: bool = False) -> None:
        self._contracts = contracts
        self._noise = noise
        self._quiet = quiet

    def returns(self, symbols: IntArray, first: int, count: int) -> IntArray:
        """Return the log returns of `count` minutes from minute `first`, in units of 1e-12."""
        return self._returns(symbols, first, self._activity(symbols, first, count))

    def paths(
        self, symbols: IntArray, first: int, count: int, anchor: IntArray, surges: Sequence[Surge]
    ) -> tuple[MinutePaths, Lines, IntArray]:
        """Return whole hours of minutes, shaped (count, symbols), and the log price after them.

        In between are the lines of the minutes in which a move is young. `anchor` is the log price
        before minute `first` relative to the contract's first price, in units of 1e-12; `surges`
        are the sharp moves that may touch these minutes.
        """
        activity = self._activity(symbols, first, count)
        steps = self._returns(symbols, first, activity)
        level = np.vstack([anchor[None, :], anchor + np.cumsum(steps, axis=0)])
        place = self._noise.quarters(
            _PLACES, _minutes(first, count), self._contracts.series[symbols]
        )
        drawing = _Drawing(self._contracts, symbols, first, level, place[2], self._noise)
        turnover = self._turnover(symbols, first, activity)
        drawing.fill_idle(turnover, place[3], surges)
        wicks = self._noise.normals(
            _EXTREMES, _minutes(first, count), self._contracts.series[symbols]
        )
        spread = self._deviation(symbols, activity) * 0.45
        drawing.add_wicks(np.abs(wicks[0]) * spread, np.abs(wicks[1]) * spread, place[0], place[1])
        for surge in surges:
            drawing.add_surge(surge, turnover)
        return *drawing.finish(turnover), level[-1]

    def _activity(self, symbols: IntArray, first: int, count: int) -> _Activity:
        series = self._contracts.series[symbols]
        direction, surprise = self._noise.normals(_RETURN, _minutes(first, count), series)
        swing = np.zeros_like(surprise)
        for number, (every, deviation) in enumerate(calibration.ACTIVITY_SWINGS):
            channel = 10 * _SWING + number
            swing += deviation * self._noise.wandering(channel, first, count, series, every)
        return _Activity(swing, self._bursts(series, first, count), surprise, direction)

    def _bursts(self, series: IntArray, first: int, count: int) -> FloatArray:
        bursts = np.zeros((count, series.size))
        if self._quiet:
            return bursts
        lead = calibration.BURST_MINUTES
        chance = self._noise.uniform(_BURST, _minutes(first - lead, count + lead), series)
        likelihood = calibration.BURSTS_PER_SYMBOL_DAY / MINUTES_PER_DAY
        rows, columns = np.nonzero(chance < likelihood)
        # Among the chosen minutes chance / likelihood is uniform: a Pareto size by inversion.
        tail = (chance[rows, columns] / likelihood) ** (-1.0 / calibration.BURST_TAIL)
        size = np.minimum(calibration.BURST_SMALLEST * tail, calibration.BURST_LARGEST)
        for age in range(lead + 1):
            at = rows - lead + age
            inside = (at >= 0) & (at < count)
            extra = size[inside] * calibration.BURST_DECAY**age
            np.add.at(bursts, (at[inside], columns[inside]), extra)
        return bursts

    def _deviation(self, symbols: IntArray, activity: _Activity) -> FloatArray:
        follows = calibration.RETURN_FOLLOWS_VOLUME * activity.surprise
        busy = np.exp(0.6 * activity.swing + follows) * np.sqrt(1.0 + activity.burst)
        deviation: FloatArray = self._contracts.deviation[symbols] * busy
        return deviation

    def _returns(self, symbols: IntArray, first: int, activity: _Activity) -> IntArray:
        count = activity.swing.shape[0]
        market, _ = self._noise.normals(_RETURN, _minutes(first, count), _MARKET_SERIES)
        swing = 0.5 * self._noise.wandering(10 * _SWING, first, count, _MARKET_SERIES, 60)
        common = calibration.MARKET_RETURN_DEVIATION * market * np.exp(swing)
        own = self._deviation(symbols, activity) * activity.direction
        steps = own + common * self._contracts.market_share[symbols]
        listed = _minutes(first, count)[:, None] >= self._contracts.launch_minute[symbols]
        result: IntArray = np.rint(np.where(listed, steps, 0.0) / _UNIT).astype(np.int64)
        return result

    def _turnover(self, symbols: IntArray, first: int, activity: _Activity) -> FloatArray:
        count = activity.swing.shape[0]
        hours = _minutes(first, count) / MINUTES_PER_HOUR
        daily_rhythm = 1.0 + 0.25 * np.cos(2.0 * np.pi * (hours - 15.0) / 24.0)
        quiet = self._contracts.daily_turnover[symbols] / MINUTES_PER_DAY
        logarithm = activity.swing + calibration.VOLUME_LOG_DEVIATION * activity.surprise
        turnover: FloatArray = (
            quiet * daily_rhythm[:, None] * np.exp(logarithm - 1.0) * (1.0 + activity.burst)
        )
        return turnover / _busy_share(quiet)


class _Drawing:
    """The minutes while they are being made; arrays are shaped (minutes, symbols)."""

    def __init__(
        self,
        contracts: SyntheticContracts,
        symbols: IntArray,
        first: int,
        level: IntArray,
        upward: FloatArray,
        noise: Noise,
    ) -> None:
        self._contracts = contracts
        self._noise = noise
        self._symbols = symbols
        self._first = first
        self._edges = np.log(contracts.price[symbols]) + level * _UNIT
        self._upward = upward < _EVEN_ODDS
        self._columns = {int(symbol): column for column, symbol in enumerate(symbols)}
        self._usual: dict[tuple[int, int], tuple[Surge, float]] = {}

    def fill_idle(self, turnover: FloatArray, chance: FloatArray, surges: Sequence[Surge]) -> None:
        """Let thin symbols skip minutes: no volume, the last price.

        The last minute of every hour trades, so that an hour's prices need nothing before it.
        """
        count = turnover.shape[0]
        quiet = self._contracts.daily_turnover[self._symbols] / MINUTES_PER_DAY
        trades = chance < _busy_share(quiet)
        trades[MINUTES_PER_HOUR - 1 :: MINUTES_PER_HOUR] = True
        for surge in surges:
            if surge.index in self._columns:
                rows, young = self._rows(surge), surge.young.start - self._first
                trades[max(rows.start, young) : rows.stop, self._columns[surge.index]] = True
        minutes = _minutes(self._first, count)[:, None]
        trades &= minutes >= self._contracts.launch_minute[self._symbols]
        self._trades = trades
        turnover[~trades] = 0.0
        latest = np.where(trades, np.arange(1, count + 1)[:, None], 0)
        np.maximum.accumulate(latest, axis=0, out=latest)
        self._edges[1:] = np.take_along_axis(self._edges, latest, axis=0)

    def add_wicks(
        self, above: FloatArray, below: FloatArray, first: FloatArray, second: FloatArray
    ) -> None:
        """Place the turning points: one beyond the higher edge, one beyond the lower."""
        opens, closes = self._edges[:-1], self._edges[1:]
        top = np.where(self._trades, np.maximum(opens, closes) + above, opens)
        bottom = np.where(self._trades, np.minimum(opens, closes) - below, opens)
        self._turns = (np.where(self._upward, top, bottom), np.where(self._upward, bottom, top))
        self._at = (
            (3_000 + first * 26_000).astype(np.int32),
            (31_000 + second * 26_000).astype(np.int32),
        )
        self._early = self._at[0] / MINUTE_MS

    def add_surge(self, surge: Surge, turnover: FloatArray) -> None:
        """Add one sharp move to prices and turnover."""
        if surge.index not in self._columns:
            return
        column, rows = self._columns[surge.index], self._rows(surge)
        if rows.start == rows.stop:
            return
        for row in range(rows.start, rows.stop):
            if row + self._first in surge.young:
                self._usual[row, column] = surge, float(turnover[row, column])
        starts = (self._first + np.arange(rows.start, rows.stop, dtype=np.int64)) * MINUTE_MS
        quiet = self._contracts.daily_turnover[surge.index] / MINUTES_PER_DAY
        turnover[rows, column] += quiet * surge.turnover(starts, starts + MINUTE_MS)
        edges = np.append(starts, starts[-1] + MINUTE_MS)
        series = np.array([surge.index], np.int64)
        channels = (100 * _BOUNCE, 100 * _BOUNCE + 1)
        at_edges = self._noise.normals(channels[0], edges, series)[0][:, 0]
        at_turns = [n[:, 0] for n in self._noise.normals(channels[1], edges[:-1], series)]
        # The onset's minute opens before the onset, so its edge is not moved; the edge after the
        # last row is moved because the next hour opens on it.
        self._edges[rows.start : rows.stop + 1, column] += surge.log_price(edges, at_edges)
        for turn, at, normals in zip(self._turns, self._at, at_turns, strict=True):
            turn[rows, column] += surge.log_price(
                starts + at[rows, column].astype(np.int64), normals
            )

    def finish(self, turnover: FloatArray) -> tuple[MinutePaths, Lines]:
        """Return the minutes with prices on the tick and volumes on the quantity step."""
        scale, step = self._contracts.scale[self._symbols], self._contracts.step[self._symbols]
        edges = self._on_tick(self._edges, scale)
        volume = np.rint(turnover / edges[1:] / step)
        volume = np.where(self._trades, np.maximum(volume, FEWEST), 0.0) * step
        paths = MinutePaths(
            open=edges[:-1],
            first=self._on_tick(self._turns[0], scale),
            second=self._on_tick(self._turns[1], scale),
            close=edges[1:],
            first_at=self._at[0],
            second_at=self._at[1],
            early_share=self._early,
            volume=volume,
            turnover_factor=np.ones(volume.shape),
        )
        return paths, {at: self._line(paths, at) for at in self._usual if volume[at]}

    def _line(self, paths: MinutePaths, at: tuple[int, int]) -> PriceLine:
        """Return the line of a minute in which a move is young, and let the minute be as it is."""
        (surge, usual), (row, _) = self._usual[at], at
        minute, series = np.array([self._first + row]), np.array([surge.index])
        steps = minute[0] * len(KNOTS) + np.arange(len(KNOTS))
        chance = self._noise.uniform(_YOUNG, steps, series)[:, 0]
        normal = float(self._noise.normals(_YOUNG + 1, minute, series)[0][0, 0])
        mean, deviation = calibration.PUMP_BOUGHT
        line = surge.line(
            int(minute[0]) * MINUTE_MS,
            (float(paths.open[at]), float(paths.close[at])),
            chance,
            volume=float(paths.volume[at]),
            flows=(usual, self._contracts.daily_turnover[surge.index] / MINUTES_PER_DAY),
            bought=mean + deviation * normal if surge.crowd else float(chance[0]),
            scale=float(self._contracts.scale[surge.index]),
        )
        inner = line.price[1:-1]
        turns = sorted([int(np.argmax(inner)) + 1, int(np.argmin(inner)) + 1])
        if turns[0] == turns[1]:
            turns[1] = turns[0] + 1 if turns[0] < len(inner) else turns[0]
            turns[0] = turns[1] - 1
        for (prices, times), turn in zip(
            ((paths.first, paths.first_at), (paths.second, paths.second_at)), turns, strict=True
        ):
            prices[at], times[at] = line.price[turn], line.offset[turn]
        paths.early_share[at] = line.traded[turns[0]] / line.traded[-1]
        flowed = np.diff(line.traded) * (line.price[1:] + line.price[:-1]) / 2.0
        paths.turnover_factor[at] *= flowed.sum() / paths[at].turnover
        return line

    @staticmethod
    def _on_tick(logarithm: FloatArray, scale: FloatArray) -> FloatArray:
        prices: FloatArray = np.maximum(np.rint(np.exp(logarithm) * scale), 1.0) / scale
        return prices

    def _rows(self, surge: Surge) -> slice:
        count = self._upward.shape[0]
        begin = surge.begin // MINUTE_MS - self._first
        over = (surge.onset + SPAN_MS) // MINUTE_MS + 1 - self._first
        start = min(max(begin, 0), count)
        return slice(start, max(min(over, count), start))


def _busy_share(quiet: FloatArray) -> FloatArray:
    """Return the share of its minutes in which a coin of so much turnover a minute trades."""
    share: FloatArray = 1.0 - np.exp(-((quiet / calibration.IDLE_BELOW) ** 0.7))
    return share


def _minutes(first: int, count: int) -> IntArray:
    return np.arange(first, first + count, dtype=np.int64)
