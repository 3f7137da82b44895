"""The hours of a synthetic market: recent ones for all symbols, older ones on demand."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import (
    HOUR_MS,
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    Hour,
    summarise,
)
from pumpwatch_workbench.simulator.market.paths import MinutePaths, concatenate
from pumpwatch_workbench.simulator.market.source import MINUTE_MS, IntArray
from pumpwatch_workbench.simulator.market.synthetic.contracts import SyntheticContracts
from pumpwatch_workbench.simulator.market.synthetic.generator import Generator, Lines
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.synthetic.schedule import PumpPlan, natural_moves
from pumpwatch_workbench.simulator.market.synthetic.surges import SPAN_MS, Surge
from pumpwatch_workbench.simulator.market.synthetic.trades import SyntheticTrades
from pumpwatch_workbench.simulator.market.tape import Tape

HOURS_BEFORE_START = 26
HOURS_PER_DAY = 24
_HOURS_KEPT = 30
_DAYS_KEPT = 256
_TAPES_KEPT = 4
"""Recent trades go back two hours."""
_NONE, _NO_OFFSETS = np.empty(0), np.empty(0, dtype=np.int32)
_NOTHING = MinutePaths(
    *(_NONE, _NONE, _NONE, _NONE), _NO_OFFSETS, _NO_OFFSETS, *(_NONE, _NONE, _NONE)
)


class SyntheticMinutes:
    """Every symbol's minutes at any time; each hour follows from the one before it.

    Hours are numbered from 1970. `whole_hour` serves the whole market from 26 h before the start
    on; `minutes` serves one symbol at any time, also long before.
    """

    def __init__(
        self,
        contracts: SyntheticContracts,
        noise: Noise,
        generator: Generator,
        plan: PumpPlan,
        start: int,
        *,
        quiet: bool,
    ) -> None:
        self._contracts = contracts
        self._noise = noise
        self._generator = generator
        self._plan = plan
        self._quiet = quiet
        self._all = np.arange(len(contracts.listings), dtype=np.int64)
        start_hour = start // (MINUTES_PER_HOUR * MINUTE_MS)
        self.first_hour = start_hour - HOURS_BEFORE_START
        self._hours: OrderedDict[int, Hour] = OrderedDict()
        # Log prices before each hour; for days that begin before the first hour, by (symbol, day).
        self._anchors: dict[int, IntArray] = {self.first_hour: np.zeros_like(self._all)}
        self._last_hour = self.first_hour
        self._old_anchors: dict[tuple[int, int], int] = {}
        self._days: OrderedDict[tuple[int, int], MinutePaths] = OrderedDict()
        self._trades = SyntheticTrades(contracts, noise)
        self._start_hour = start_hour
        self._tapes: OrderedDict[int, Tape] = OrderedDict()

    def whole_hour(self, hour: int) -> Hour:
        """Return an hour of the whole market. Raises ValueError before `first_hour`."""
        if hour < self.first_hour:
            raise ValueError("the whole market is only known from 26 hours before its start")
        while self._last_hour < hour:
            self._make(self._last_hour)
        if hour not in self._hours:
            self._make(hour)
        self._hours.move_to_end(hour)
        return self._hours[hour]

    def tape(self, hour: int) -> Tape:
        """Return the trades of an hour of the whole market, from the start's hour on."""
        self.whole_hour(hour)
        if hour not in self._tapes:
            self._make(hour)
        return self._tapes[hour]

    def minutes(self, index: int, first: int, stop: int) -> MinutePaths:
        """Return one symbol's minutes first .. stop - 1 (numbered from 1970), shaped (minutes,)."""
        pieces = [_NOTHING]
        while first < stop:
            hour, row = divmod(first, MINUTES_PER_HOUR)
            if hour in self._hours or hour >= min(
                max(self._last_hour - _HOURS_KEPT, self.first_hour), self._start_hour
            ):
                count = min(MINUTES_PER_HOUR - row, stop - first)
                pieces.append(self.whole_hour(hour).paths[row : row + count, index])
            else:
                day, row = divmod(first, MINUTES_PER_DAY)
                count = min(MINUTES_PER_DAY - row, stop - first)
                pieces.append(self._one_day(index, day)[row : row + count, 0])
            first += count
        return concatenate(pieces)

    def _one_day(self, index: int, day: int) -> MinutePaths:
        key = (index, day)
        if key not in self._days:
            symbols = np.array([index], dtype=np.int64)
            anchor = np.array([self._anchor(index, day)], dtype=np.int64)
            first, count = day * MINUTES_PER_DAY, MINUTES_PER_DAY
            surges = self._surges(symbols, first, count)
            self._days[key] = self._generator.paths(symbols, first, count, anchor, surges)[0]
            if len(self._days) > _DAYS_KEPT:
                self._days.popitem(last=False)
        self._days.move_to_end(key)
        return self._days[key]

    def _make(self, hour: int) -> None:
        first = hour * MINUTES_PER_HOUR
        surges = self._surges(self._all, first, MINUTES_PER_HOUR)
        paths, lines, after = self._generator.paths(
            self._all, first, MINUTES_PER_HOUR, self._anchors[hour], surges
        )
        if hour >= self._start_hour:
            self._tapes[hour] = self._settle(first, paths, lines)
            if len(self._tapes) > _TAPES_KEPT:
                self._tapes.popitem(last=False)
        self._anchors[hour + 1] = after
        self._last_hour = max(self._last_hour, hour + 1)
        self._hours[hour] = summarise(paths)
        if len(self._hours) > _HOURS_KEPT:
            self._hours.popitem(last=False)

    def _settle(self, first: int, paths: MinutePaths, lines: Lines) -> Tape:
        """Draw an hour's trades, and let its minutes turn over what they do."""
        end = (first + MINUTES_PER_HOUR) * MINUTE_MS
        tape = self._trades.draw(first, paths, lines, self._plan.until(end))
        quantum = self._contracts.step / self._contracts.scale
        turnover = tape.flows().reshape(paths.volume.shape) * quantum
        before = paths.turnover
        np.divide(turnover, before, out=turnover, where=before > 0)
        np.multiply(paths.turnover_factor, turnover, out=paths.turnover_factor, where=before > 0)
        return tape

    def _surges(self, symbols: IntArray, first: int, count: int) -> list[Surge]:
        start, end = first * MINUTE_MS, (first + count) * MINUTE_MS
        pumps = [
            surge
            for surge in self._plan.until(end + HOUR_MS)
            if surge.begin < end
            and start - SPAN_MS < surge.onset
            and (symbols.size > 1 or surge.index == symbols[0])
        ]
        if self._quiet:
            return pumps
        return pumps + natural_moves(
            self._noise, self._contracts, symbols, start - SPAN_MS, end - 1
        )

    def _anchor(self, index: int, day: int) -> int:
        hour = day * HOURS_PER_DAY
        if hour >= self.first_hour:
            while self._last_hour < hour:
                self._make(self._last_hour)
            return int(self._anchors[hour][index])
        if (index, day) not in self._old_anchors:
            self._chain_back(index, day)
        return self._old_anchors[index, day]

    def _chain_back(self, index: int, day: int) -> None:
        symbols = np.array([index], dtype=np.int64)
        level = int(self._anchors[self.first_hour][index])
        stop = self.first_hour * MINUTES_PER_HOUR
        for earlier in range(self.first_hour // HOURS_PER_DAY, day - 1, -1):
            first = earlier * MINUTES_PER_DAY
            known = self._old_anchors.get((index, earlier))
            if known is None:
                steps = self._generator.returns(symbols, first, stop - first)
                known = level - int(steps.sum())
                self._old_anchors[index, earlier] = known
            level, stop = known, first
