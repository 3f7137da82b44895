"""The watched symbols, and the readings of the whole market."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.screen import Reading
from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.domain.moments import HOUR
from pumpwatch.errors import RetryLater
from pumpwatch.ports import MarketData
from pumpwatch.settings.detect import DetectSettings

from .report import DetectReport
from .state import DetectState

logger = logging.getLogger(__name__)

INSTRUMENT_PAGE = 1000
LARGEST_LOSS = 0.5
"""An answer that lacks more than this share of the known symbols is not believed."""


@dataclass(frozen=True, slots=True, eq=False)
class SnapshotRows:
    """A snapshot in the state's order; arrays are shaped (symbols,), NaN where it lacks a symbol.

    `last` is the price, `turnover` that of 24 hours; `seen` is the whole snapshot.
    """

    reading: Reading
    last: FloatArray
    turnover: FloatArray
    seen: MarketSnapshot

    @property
    def time(self) -> int:
        """Return the exchange's time, milliseconds UTC."""
        return self.reading.time

    def last_unwatched(self, symbol: str) -> float:
        """Return the price of a symbol that is not watched any more, NaN where it is not shown."""
        if symbol not in self.seen.symbols:
            return float("nan")
        return float(self.seen.last_price[self.seen.symbols.index(symbol)])


def chosen_by(settings: DetectSettings) -> str:
    """Return what the settings choose of the exchange's list, as the state notes it."""
    return f"{settings.symbol_choice}; {','.join(sorted(_excluded_types(settings)))}"


def _excluded_types(settings: DetectSettings) -> frozenset[str]:
    kinds = (kind.strip().lower() for kind in settings.excluded_symbol_types.split(","))
    return frozenset(filter(None, kinds))


class MarketWatch:
    """Keeps the state's symbols equal to what the settings choose of the exchange's list."""

    def __init__(self, market: MarketData, detector: Detector, settings: DetectSettings) -> None:
        self._market = market
        self._detector = detector
        self._per_slice = settings.refresh_symbols
        self._order: tuple[list[str], tuple[str, ...], IntArray] = [], (), np.empty(0, np.int64)
        """Symbols of the state and of a snapshot, and the rows of the one in the other."""
        self._known: tuple[list[str], frozenset[str], tuple[str, ...]] = [], frozenset(), ()
        """Symbols of the state, others, and a snapshot's, which are all among these."""
        self._excluded = _excluded_types(settings)
        self._choice = settings.symbol_choice
        self._chosen = chosen_by(settings)

    def update(self, state: DetectState, snapshot: MarketSnapshot, report: DetectReport) -> None:
        """Ask for the list of contracts hourly, and when an unknown symbol or another choice shows.

        Without an answer, and with one that is not believed, the known symbols are kept and the
        next scan asks again. Raises what the market raises while no symbol is known.
        """
        fresh = snapshot.time < state.instruments_time + HOUR and state.chosen == self._chosen
        if fresh and self._knows(state, snapshot.symbols):
            return
        try:
            watchlist = self._market.watchlist()
        except RetryLater as error:
            if not state.symbols:
                raise
            report.requests += 1
            logger.warning("instruments were not renewed", extra={"reason": str(error)})
            return
        report.requests += -(-max(1, len(watchlist)) // INSTRUMENT_PAGE)
        traded = {
            symbol for symbol, kind in watchlist.items() if kind.lower() not in self._excluded
        }
        listed = [symbol in traded for symbol in state.symbols]
        same = state.chosen == self._chosen
        if not traded or (same and sum(listed) < LARGEST_LOSS * len(listed)):
            facts = {"known": len(listed), "listed": len(traded)}
            logger.warning("list of instruments is not believed", extra=facts)
            return
        if unlisted := self._choice.unlisted(watchlist):
            names = {"reason": ", ".join(unlisted)}
            logger.warning("the exchange lists nothing by these SYMBOLS", extra=names)
        # One that the list lacks and the tickers still show may have an odd row in the list.
        shown = {*snapshot.symbols, *snapshot.skipped} - watchlist.keys()
        wanted = set(filter(self._choice.takes, traded | (shown & state.rows.keys())))
        staying = np.array([symbol in wanted for symbol in state.symbols], dtype=np.bool_)
        if not staying.all():
            state.keep(staying)
        self._add(state, wanted, snapshot)
        state.others = frozenset(snapshot.symbols) - state.rows.keys()
        state.instruments_time, state.chosen = snapshot.time, self._chosen

    def _knows(self, state: DetectState, symbols: tuple[str, ...]) -> bool:
        same = self._known == (state.symbols, state.others, symbols)
        if same or (state.rows.keys() | state.others).issuperset(symbols):
            self._known = state.symbols, state.others, symbols
            return True
        return False

    def _add(self, state: DetectState, wanted: set[str], snapshot: MarketSnapshot) -> None:
        """Add the new symbols, the most traded first: their history is fetched in that order."""
        turnover = dict(zip(snapshot.symbols, snapshot.turnover_24h.tolist(), strict=True))
        new = sorted(wanted - state.rows.keys(), key=lambda name: (-turnover.get(name, 0.0), name))
        if new:
            state.add(new, self._per_slice)

    def rows(self, state: DetectState, snapshot: MarketSnapshot) -> SnapshotRows:
        """Return the snapshot in the state's order, NaN where it lacks a symbol."""
        if self._order[:2] != (state.symbols, snapshot.symbols):
            row_of = {symbol: row for row, symbol in enumerate(snapshot.symbols)}
            rows = [row_of.get(symbol, -1) for symbol in state.symbols]
            self._order = state.symbols, snapshot.symbols, np.array(rows, dtype=np.int64)
        source = self._order[2]

        def column(values: FloatArray) -> FloatArray:
            return np.append(values, np.nan)[source]

        turnover = column(snapshot.turnover_24h)
        by_turnover = self._detector.flow == "turnover"
        flow = turnover if by_turnover else column(snapshot.volume_24h)
        low, high = column(snapshot.low_24h), column(snapshot.high_24h)
        reading = Reading(snapshot.time, low, high, flow)
        return SnapshotRows(reading, column(snapshot.last_price), turnover, snapshot)
