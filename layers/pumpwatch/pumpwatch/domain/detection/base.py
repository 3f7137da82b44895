"""The interface that every rule has, its results, and its memory of earlier candles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pumpwatch.domain.market.candles import BoolArray, Candles, FloatArray, IntArray
from pumpwatch.domain.market.trades import MarketTrades

KnownTrades = Sequence[MarketTrades | None] | None
"""The market's trades of each symbol, None where they are not known."""


@dataclass(frozen=True, slots=True, eq=False)
class Carry:
    """A rule's memory of the candles before a grid; every array is shaped (symbols, ...).

    `count` known candles so far, the last known `close` (NaN: none), running `mean` and `variance`
    of the rule's flow, and `extra`, shaped (symbols, numbers), for the rule's own bounds.
    """

    count: IntArray
    close: FloatArray
    mean: FloatArray
    variance: FloatArray
    extra: FloatArray

    @classmethod
    def none(cls, symbols: int, extra: int = 0) -> Carry:
        """Return the memory of symbols that have not been seen yet."""
        unknown = np.full(symbols, np.nan)
        return cls(
            np.zeros(symbols, dtype=np.int64),
            unknown,
            unknown.copy(),
            unknown.copy(),
            np.full((symbols, extra), np.nan),
        )

    def select(self, rows: Sequence[int] | IntArray | BoolArray | slice) -> Carry:
        """Return the memory of some symbols."""
        return Carry(*(array[rows] for array in self._arrays))

    def copy(self) -> Carry:
        """Return a memory that can be changed without changing this one."""
        return Carry(*(array.copy() for array in self._arrays))

    def joined(self, other: Carry) -> Carry:
        """Return the memory of these symbols followed by the other ones."""
        pairs = zip(self._arrays, other._arrays, strict=True)
        return Carry(*(np.concatenate(pair) for pair in pairs))

    def put(self, rows: IntArray, other: Carry) -> None:
        """Replace the memory of the symbols in `rows`."""
        for mine, new in zip(self._arrays, other._arrays, strict=True):
            mine[rows] = new

    @property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return self.count, self.close, self.mean, self.variance, self.extra


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """A rule's results; every array is shaped (symbols, candles).

    `alarm` says that all conditions hold at the candle, `strength` is the rule's own measure of the
    flow, `jump` its measure of the rise, as a fraction. Both are NaN where they are not defined.
    """

    alarm: BoolArray
    strength: FloatArray
    jump: FloatArray
    scored: BoolArray | None = None
    """Candles whose alarm a score decided that can read the market's trades; None: none of them."""
    traded: BoolArray | None = None
    """Those of `scored` for which the trades were known and read; None: none of them."""

    @property
    def possible(self) -> BoolArray:
        """Return where the rule alarms, or could if it knew the market's trades.

        A replay of the history does not know them, so every candle that a score judged counts.
        """
        return self.alarm if self.scored is None else self.alarm | self.scored


class CandleRule(Protocol):
    """A detection rule over arrays. Results at a candle use that candle and earlier ones only.

    Missing candles are skipped: every window and every running mean is taken over the symbol's
    known candles.
    """

    @property
    def name(self) -> str:
        """Return the rule's name."""

    @property
    def interval(self) -> int:
        """Return the length of the candles it works on, milliseconds."""

    def detect(
        self, candles: Candles, start: Carry | None = None, trades: KnownTrades = None
    ) -> Detections:
        """Return alarm, strength and jump of every candle.

        `start` is the memory of the candles before the first column. A rule that does not read
        `trades` ignores them.
        """


class Detector(CandleRule, Protocol):
    """A rule that can watch the market: it remembers, and says what an alarm needs at least."""

    @property
    def window(self) -> int:
        """Return how many earlier candles a symbol needs before it may signal live."""

    @property
    def history(self) -> int:
        """Return how many candles to keep, for the rule and for the screen's bounds."""

    @property
    def unseen_limit(self) -> int:
        """Return for how many unseen candles `needs` has bounds; beyond it none is known."""

    @property
    def monotone(self) -> bool:
        """Return whether an alarm on a forming candle is sure to hold for the finished one too."""

    @property
    def flow(self) -> str:
        """Return which column the rule calls flow: `turnover` or `volume`."""

    @property
    def extra(self) -> int:
        """Return how many numbers of its own the rule keeps in `Carry.extra`."""

    @property
    def memory(self) -> str:
        """Return what its memory depends on: one saved with other settings is of no use."""
        return self.name

    def advance(self, candles: Candles, start: Carry | None = None) -> Carry:
        """Return the memory after the last column."""

    def needs(
        self, carry: Carry, unseen: IntArray, low: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return lower bounds (flow, high) of the next candle that could alarm, each (symbols,).

        Between the memory and that candle lie at most `unseen` candles that were not read; no trade
        since the memory was below `low`. More unseen candles never give higher bounds. NaN: no
        bound is known.
        """


def known_before(candles: Candles, start: Carry | None = None) -> IntArray:
    """Return how many known candles precede each candle, shaped (symbols, candles)."""
    known = ~np.isnan(candles.close)
    before: IntArray = np.cumsum(known, axis=1, dtype=np.int64) - known
    return before if start is None else before + start.count[:, None]
