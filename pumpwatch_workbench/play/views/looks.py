"""The market's prices at the looks of the last hour: its movers, and the line of one symbol."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np

from pumpwatch.domain.market.candles import FloatArray
from pumpwatch_workbench.play.views.view import Mover

MOVERS = 10
LONGEST = 65_000
"""Milliseconds between two looks whose prices are compared, at most."""
MOST = 720
"""An hour of looks at the usual interval; a price and a turnover take 16 bytes."""


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

    def turnovers(self, symbol: str) -> list[tuple[int, float]]:
        """Return the times and 24-hour turnovers of a symbol in the last minute of looks."""
        since = self._looks[-1].time - LONGEST if self._looks else 0
        known = [look for look in self._looks if symbol in look.rows and look.time > since]
        return [(look.time, float(look.turnover[look.rows[symbol]])) for look in known]
