"""The market at the looks of the last hour: its movers, one symbol's prices and turnover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.market.candles import FloatArray
from pumpwatch.domain.moments import DAY

MOVERS = 10
LONGEST = 65_000
"""Milliseconds between two looks whose prices are compared, at most."""
MOST = 720
"""An hour of looks at the usual interval; a price and a turnover take 16 bytes."""


@dataclass(frozen=True, slots=True)
class Mover:
    """A symbol that moves: `change` over the last minute, a fraction; `turnover` of 24 h, USDT."""

    symbol: str
    change: float
    turnover: float


class _Look(NamedTuple):
    time: int
    rows: Mapping[str, int]
    last: FloatArray
    turnover: FloatArray


class Looks:
    """Keeps the looks. `movers` moved most in about a minute, the strongest first."""

    def __init__(self, takes: Callable[[str], bool] = lambda _: True) -> None:
        self._takes = takes
        # Replaced, never changed in place: a drawing thread may be reading it.
        self._looks: tuple[_Look, ...] = ()
        self.movers: tuple[Mover, ...] = ()

    def add(
        self, time: int, symbols: Sequence[str], last: FloatArray, turnover: FloatArray
    ) -> None:
        """Add a look at all symbols."""
        rows = self._looks[-1].rows if self._looks else {}
        if list(rows) != list(symbols):
            rows = {symbol: row for row, symbol in enumerate(symbols)}
        before = next((look for look in self._looks if 0 < time - look.time < LONGEST), None)
        if before is not None:
            places = [before.rows.get(symbol, -1) for symbol in symbols]
            change = np.nan_to_num(last / np.append(before.last, np.nan)[places] - 1.0)
            order = np.argsort(-np.abs(change), kind="stable").tolist()
            watched = islice((row for row in order if self._takes(symbols[row])), MOVERS)
            self.movers = tuple(
                Mover(symbols[row], float(change[row]), float(turnover[row])) for row in watched
            )
        self._looks = (*self._looks[1 - MOST :], _Look(time, rows, last, turnover))

    def prices(self, symbol: str) -> list[tuple[int, float]]:
        """Return the times and prices of a symbol, the oldest first."""
        known = [look for look in self._looks if symbol in look.rows]
        return [(look.time, float(look.last[look.rows[symbol]])) for look in known]

    def rise_seconds(self, signal: Signal) -> float | None:
        """Return for how long a pump has risen: since a look at less than a tenth of its rise.

        None if the looks of the last two of its minutes show no such price.
        """
        low = signal.base_price + (signal.price - signal.base_price) / 10
        ages = [signal.time - time for time, price in self.prices(signal.symbol) if price <= low]
        recent = [age for age in ages if 0 < age <= 2 * LONGEST]
        return min(recent) / 1000 if recent else None

    def flow_words(self, symbol: str) -> str:
        """Return a symbol's turnover of about the last minute, against its mean of 24 hours."""
        known = [look for look in self._looks if symbol in look.rows]
        recent = [look for look in known if known[-1].time - look.time < LONGEST]
        if len(recent) <= 1:
            return ""
        before, now = (float(look.turnover[look.rows[symbol]]) for look in (recent[0], recent[-1]))
        length = recent[-1].time - recent[0].time
        usual = max(before, 1.0) * length / DAY
        flow = max(0.0, now - before) + usual  # what fell out of the 24 hours is taken for the mean
        times = f"{flow / usual:,.1f} times its usual turnover"
        return f"{flow:,.0f} USDT in {length / 1000:.0f} s, {times}"
