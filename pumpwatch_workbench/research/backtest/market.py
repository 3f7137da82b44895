"""Recorded candles as the backtest reads them, and the windows it keeps of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pumpwatch.domain.market.candles import COLUMNS, Candles, CandleSeries, FloatArray, IntArray
from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import MINUTE

OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER = range(6)
LEAD = 20


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """One-minute candles of some recordings on one grid; row n is segment `segments[n]`.

    Prices and turnovers are in USDT. The rows' symbols need not differ: a coin may have been
    recorded more than once.
    """

    segments: tuple[int, ...]
    candles: Candles
    contracts: tuple[Instrument, ...]

    def __post_init__(self) -> None:
        if self.candles.interval != MINUTE:
            raise ValueError(f"candles of {self.candles.interval} ms: one-minute ones are needed")
        if not len(self.segments) == len(self.contracts) == self.candles.shape[0]:
            raise ValueError("a block needs one segment and one contract per row of candles")

    def between(self, begin: int, end: int) -> Block:
        """Return the candles that open in [begin, end), milliseconds UTC."""
        first, last = np.searchsorted(self.candles.open_time, [begin, end])
        return Block(self.segments, self.candles.between(int(first), int(last)), self.contracts)


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """One symbol's minutes from an alarm on, as far as anything that follows from it can reach.

    `open_time` is shaped (minutes,), milliseconds UTC, without holes; `values` (minutes, 6), as in
    `CandleSeries`, NaN where a candle is not known. The candle that alarmed begins at minute 0 and
    ends with minute `alarm`.
    """

    segment: int
    contract: Instrument
    open_time: IntArray
    values: FloatArray
    close_before: float
    """Last known close before minute 0."""
    lead: FloatArray
    """Values of the minutes before minute 0, at most `LEAD`: for charts alone."""
    alarm: int
    strength: float
    jump: float

    @property
    def symbol(self) -> str:
        """Return the contract's symbol."""
        return self.contract.symbol

    @property
    def known_at(self) -> int:
        """Return when the alarm is known, milliseconds UTC."""
        return int(self.open_time[0]) + (self.alarm + 1) * MINUTE

    def __len__(self) -> int:
        return len(self.open_time)

    def index_of(self, time: int) -> int:
        """Return the index of the minute that opens at `time`, which may lie behind the end."""
        return (time - int(self.open_time[0])) // MINUTE

    def is_known(self, index: int) -> bool:
        """Return whether there is such a minute and its candle is known."""
        return 0 <= index < len(self) and not np.isnan(self.values[index, CLOSE])

    def known(self, begin: int, end: int) -> IntArray:
        """Return the indices of the known minutes in [begin, end)."""
        indices: IntArray = begin + np.flatnonzero(~np.isnan(self.values[begin:end, CLOSE]))
        return indices

    def price_at(self, time: int) -> float:
        """Return the last close that was known at a time; before the first one, the base."""
        end = max(0, min(self.index_of(time), len(self)))
        closes = self.values[:end, CLOSE]
        known = closes[~np.isnan(closes)]
        return float(known[-1]) if len(known) else self.close_before

    def until(self, end: int) -> Window:
        """Return the minutes that open before `end`, milliseconds UTC."""
        stop = self.index_of(end + MINUTE - 1)
        return replace(self, open_time=self.open_time[:stop], values=self.values[:stop])

    def series(self, rows: list[int]) -> CandleSeries:
        """Return some minutes as a series."""
        return CandleSeries(
            self.symbol, MINUTE, self.open_time[rows], self.values[rows], forming=False
        )


def window_at(
    block: Block, row: int, column: int, *, alarm: int, reach: int, strength: float, jump: float
) -> Window:
    """Return the window of the alarm of a candle that begins at `column`.

    It is a copy of at most `reach` minutes: the block can be let go.
    """
    candles = block.candles
    end = min(column + reach, candles.shape[1])
    before = candles.close[row, :column]
    if column and np.isnan(before[-1]):
        before = before[~np.isnan(before)]
    first = max(0, column - LEAD)
    values = np.stack([getattr(candles, name)[row, first:end] for name in COLUMNS], axis=1)
    return Window(
        segment=block.segments[row],
        contract=block.contracts[row],
        open_time=candles.open_time[column:end].copy(),
        values=values[column - first :],
        lead=values[: column - first],
        close_before=float(before[-1]) if len(before) else float("nan"),
        alarm=alarm,
        strength=strength,
        jump=jump,
    )
