"""The minutes of every replayed contract side by side, and how the price moves inside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import MINUTES_PER_HOUR, Hour, summarise
from pumpwatch_workbench.simulator.market.paths import (
    MinutePaths,
    PartialMinutes,
    after,
    clip_line,
    knots,
    price_at,
    until,
)
from pumpwatch_workbench.simulator.market.prints import NO_PRINTS
from pumpwatch_workbench.simulator.market.replay.staging import Grid, Played
from pumpwatch_workbench.simulator.market.replay.traded import Part, TradedMinute
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    FloatArray,
    IntArray,
    Minutes,
    Prints,
)

_THIRD_MS = MINUTE_MS // 3


class Board:
    """Contracts by index on one grid of minutes (numbered from 1970).

    After the last hour, which is idle, everything stands still for ever. Inside a minute with
    recorded trades the price follows them. Elsewhere it goes from the open to one extreme, to the
    other and to the close, a third of the minute each: a held side's worse extreme first, else the
    low first when the candle rises.
    """

    def __init__(
        self, grid: Grid, played: Sequence[Played], traded: Sequence[dict[int, TradedMinute]]
    ) -> None:
        self._grid = grid
        self.launch: IntArray = np.array([one.launch for one in played]) + grid.first
        self._scale: FloatArray = np.array([10.0**one.price_decimals for one in played])
        self._candles = {
            name: np.stack([getattr(one, name) for one in played], axis=1)
            for name in ("open", "high", "low", "close", "volume", "turnover")
        }
        self._traded = traded
        self._by_row: dict[int, list[int]] = {}
        for index, minutes in enumerate(traded):
            for row in minutes:
                self._by_row.setdefault(row, []).append(index)
        self._paths = self._as_paths()
        self._hours: dict[int, Hour] = {}
        self._asked: IntArray = np.full(len(played), -1, dtype=np.int64)

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
        row = self._row(minute)
        partial = until(self._paths[row], offset, self._scale)
        for index in self._by_row.get(row, ()):
            _put(partial, index, self._traded[index][row].until(offset, self._scale[index]))
        return partial

    def after(self, minute: int, offset: int) -> PartialMinutes:
        """Return what is still to happen in a minute of every contract."""
        row = self._row(minute)
        partial = after(self._paths[row], offset, self._scale)
        for index in self._by_row.get(row, ()):
            _put(partial, index, self._traded[index][row].after(offset, self._scale[index]))
        return partial

    def prices(self, minute: int, offset: int) -> FloatArray:
        """Return the price of every contract at an instant."""
        row = self._row(minute)
        prices = price_at(self._paths[row], offset, self._scale)
        for index in self._by_row.get(row, ()):
            prices[index] = self._traded[index][row].until(offset, self._scale[index]).price
        return prices

    def ask(self, index: int | slice, minute: int) -> None:
        """Remember that a minute's price was asked for, so that its line stays as it is."""
        self._asked[index] = np.maximum(self._asked[index], self._row(minute))

    def part(self, index: int, minute: int, offset: int) -> Part:
        """Return what has happened in a minute of one contract."""
        row = self._row(minute)
        traded = self._traded[index].get(row)
        if traded is not None:
            return traded.until(offset, self._scale[index])
        column = slice(index, index + 1)
        partial = until(self._paths[row][column], offset, self._scale[column])
        return Part(*(float(getattr(partial, name)[0]) for name in Part.__dataclass_fields__))

    def has_trades(self, index: int, minute: int) -> bool:
        """Tell whether one contract's minute follows recorded trades."""
        return self._row(minute) in self._traded[index]

    def prints(self, index: int, minute: int) -> Prints:
        """Return a minute's recorded trades."""
        traded = self._traded[index].get(self._row(minute))
        return NO_PRINTS if traded is None else traded.prints(minute * MINUTE_MS)

    def open(self, index: int, minute: int) -> float:
        """Return the open of one contract's minute."""
        return float(self._candles["open"][self._row(minute), index])

    def line(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        """Return the knots of one contract's line over [start, end], milliseconds UTC."""
        pieces = [
            self._knots(index, minute) for minute in range(start // MINUTE_MS, end // MINUTE_MS + 1)
        ]
        times, prices = (np.concatenate(column) for column in zip(*pieces, strict=True))
        ends = tuple(self.part(index, *divmod(time, MINUTE_MS)).price for time in (start, end))
        return clip_line(times, prices, start, end, (ends[0], ends[1]))

    def side_against(self, index: int, side: str | None) -> None:
        """Order the turning points of the minutes after the latest one asked for."""
        rows = slice(int(self._asked[index]) + 1, None)
        high, low = (self._candles[name][rows, index] for name in ("high", "low"))
        if side is None:
            low_first = self._rises()[rows, index]
        else:
            low_first = np.full(high.shape, side == "Buy")
        self._paths.first[rows, index] = np.where(low_first, low, high)
        self._paths.second[rows, index] = np.where(low_first, high, low)

    def _knots(self, index: int, minute: int) -> tuple[IntArray, FloatArray]:
        row = self._row(minute)
        traded = self._traded[index].get(row)
        if traded is not None:
            return traded.offset + minute * MINUTE_MS, traded.price
        return knots(self._paths[row : row + 1, index], np.array([minute * MINUTE_MS]))

    def _row(self, minute: int) -> int:
        row = min(minute - self._grid.first, self._grid.minutes - 1)
        if row < 0:
            raise ValueError(f"the recording begins after {minute * MINUTE_MS} ms")
        return row

    def _rises(self) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        rises: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] = (
            self._candles["close"] >= self._candles["open"]
        )
        return rises

    def _as_paths(self) -> MinutePaths:
        candles, rises = self._candles, self._rises()
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


def _put(partial: PartialMinutes, index: int, part: Part) -> None:
    for name in Part.__dataclass_fields__:
        getattr(partial, name)[index] = getattr(part, name)
