"""The minutes of every replayed contract side by side, and how the price moves inside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import MINUTES_PER_HOUR, Hour, summarise
from pumpwatch_workbench.simulator.market.paths import (
    MinutePaths,
    PartialMinutes,
    after,
    clip_line,
    knots,
    steps,
    until,
)
from pumpwatch_workbench.simulator.market.replay.contracts import ReplayContract
from pumpwatch_workbench.simulator.market.replay.schedule import Grid
from pumpwatch_workbench.simulator.market.replay.traded import TradedMinute
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    BoolArray,
    FloatArray,
    IntArray,
    Minutes,
    Trades,
)
from pumpwatch_workbench.simulator.market.trades import NO_TRADES

_THIRD_MS = MINUTE_MS // 3


class ReplayMinutes:
    """Contracts by index on one grid of minutes (numbered from 1970).

    After the last hour, which is idle, everything stands still for ever. Inside a minute with
    recorded trades the price follows them. Elsewhere it goes from the open to one extreme, to the
    other and to the close, a third of the minute each: the worse extreme for an open position
    first, without one the low first when the candle rises.
    """

    def __init__(self, grid: Grid, contracts: Sequence[ReplayContract]) -> None:
        self._grid = grid
        self.launch: IntArray = np.array([contract.launch for contract in contracts]) + grid.first
        self._scale: FloatArray = np.array(
            [10.0**contract.price_decimals for contract in contracts]
        )
        self._candles = {
            name: np.stack([getattr(contract.minutes, name) for contract in contracts], axis=1)
            for name in ("open", "high", "low", "close", "volume", "turnover")
        }
        self._traded = [contract.traded for contract in contracts]
        self._by_row: dict[int, list[int]] = {}
        for index, minutes in enumerate(self._traded):
            for row in minutes:
                self._by_row.setdefault(row, []).append(index)
        self._rises: BoolArray = self._candles["close"] >= self._candles["open"]
        self._paths = self._as_paths()
        self._hours: dict[int, Hour] = {}
        self._asked: IntArray = np.full(len(contracts), -1, dtype=np.int64)

    def hour(self, number: int) -> Hour:
        """Return an hour of the whole market (number = time // 1 h)."""
        number = min(number, (self._grid.first + self._grid.minutes) // MINUTES_PER_HOUR - 1)
        if number not in self._hours:
            start = self._row(number * MINUTES_PER_HOUR)
            self._hours[number] = summarise(self._paths[start : start + MINUTES_PER_HOUR])
        return self._hours[number]

    def candles(self, index: int, first: int, stop: int) -> Minutes:
        """Return the candles of minutes first .. stop - 1 from the launch on."""
        first = max(first, int(self.launch[index]))
        minutes = np.arange(first, max(stop, first), dtype=np.int64)
        rows = np.minimum(minutes - self._grid.first, self._grid.minutes - 1)
        columns = (column[rows, index] for column in self._candles.values())
        return Minutes(minutes * MINUTE_MS, *columns)

    def until(self, minute: int, offset: int) -> PartialMinutes:
        """Return what has happened in a minute of every contract."""
        return self._parts(minute, offset, until, TradedMinute.until)

    def after(self, minute: int, offset: int) -> PartialMinutes:
        """Return what is still to happen in a minute of every contract."""
        return self._parts(minute, offset, after, TradedMinute.after)

    def _parts(
        self,
        minute: int,
        offset: int,
        along_path: Callable[[MinutePaths, int, FloatArray], PartialMinutes],
        along_trades: Callable[[TradedMinute, int], PartialMinutes],
    ) -> PartialMinutes:
        row = self._row(minute)
        parts = along_path(self._paths[row], offset, self._scale)
        for index in self._by_row.get(row, ()):
            part = along_trades(self._traded[index][row], offset)
            for name in PartialMinutes.__dataclass_fields__:
                getattr(parts, name)[index] = getattr(part, name)[0]
        return parts

    def ask(self, index: int | slice, minute: int) -> None:
        """Remember that a minute's price was asked for, so that its line stays as it is."""
        self._asked[index] = np.maximum(self._asked[index], self._row(minute))

    def part(self, index: int, minute: int, offset: int) -> PartialMinutes:
        """Return what has happened in a minute of one contract, shaped (1,)."""
        row = self._row(minute)
        traded = self._traded[index].get(row)
        if traded is not None:
            return traded.until(offset)
        column = slice(index, index + 1)
        return until(self._paths[row][column], offset, self._scale[column])

    def price(self, index: int, time: int) -> float:
        """Return one contract's price at a time, milliseconds UTC."""
        return float(self.part(index, *divmod(time, MINUTE_MS)).price[0])

    def has_trades(self, index: int, minute: int) -> bool:
        """Tell whether one contract's minute follows recorded trades."""
        return self._row(minute) in self._traded[index]

    def trades(self, index: int, minute: int) -> Trades:
        """Return a minute's recorded trades."""
        traded = self._traded[index].get(self._row(minute))
        return NO_TRADES if traded is None else traded.trades(minute * MINUTE_MS)

    def open(self, index: int, minute: int, offset: int) -> FloatArray:
        """Return the open of one contract's minute at an offset, shaped (1,).

        Until a trade has come, the minute stands at the price before it.
        """
        part = self.part(index, minute, offset)
        if self.has_trades(index, minute) and not part.volume:
            return part.price
        return self._candles["open"][self._row(minute), index : index + 1]

    def line(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        """Return the knots of one contract's line over [start, end], milliseconds UTC."""
        pieces = [
            self._knots(index, minute) for minute in range(start // MINUTE_MS, end // MINUTE_MS + 1)
        ]
        times, prices = (np.concatenate(column) for column in zip(*pieces, strict=True))
        ends = self.price(index, start), self.price(index, end)
        return clip_line(times, prices, start, end, ends)

    def side_against(self, index: int, side: str | None) -> None:
        """Order the turning points of the minutes after the latest one asked for."""
        rows = slice(int(self._asked[index]) + 1, None)
        high, low = (self._candles[name][rows, index] for name in ("high", "low"))
        low_first = self._rises[rows, index] if side is None else side == "Buy"
        self._paths.first[rows, index] = np.where(low_first, low, high)
        self._paths.second[rows, index] = np.where(low_first, high, low)

    def _knots(self, index: int, minute: int) -> tuple[IntArray, FloatArray]:
        row = self._row(minute)
        traded = self._traded[index].get(row)
        if traded is not None:
            start = minute * MINUTE_MS
            return steps(start, traded.before, traded.trades(start))
        return knots(self._paths[row : row + 1, index], np.array([minute * MINUTE_MS]))

    def _row(self, minute: int) -> int:
        row = min(minute - self._grid.first, self._grid.minutes - 1)
        if row < 0:
            raise ValueError(f"the recording begins after {minute * MINUTE_MS} ms")
        return row

    def _as_paths(self) -> MinutePaths:
        candles, rises = self._candles, self._rises
        shape = rises.shape
        paths = MinutePaths(
            open=candles["open"],
            first=np.where(rises, candles["low"], candles["high"]),
            second=np.where(rises, candles["high"], candles["low"]),
            close=candles["close"],
            # Equal thirds of time and volume: which extreme comes first leaves the turnover as it
            # is.
            first_at=np.full(shape, _THIRD_MS, dtype=np.int32),
            second_at=np.full(shape, 2 * _THIRD_MS, dtype=np.int32),
            early_share=np.full(shape, 1.0 / 3.0),
            volume=candles["volume"],
            turnover_factor=np.ones(shape),
        )
        integral = paths.turnover
        np.divide(candles["turnover"], integral, out=paths.turnover_factor, where=integral > 0)
        return paths
