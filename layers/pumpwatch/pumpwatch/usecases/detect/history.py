"""The candle history in slices of a few symbols: fetched, merged, replayed, trimmed, cached."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.detection.base import Carry, Detections, Detector
from pumpwatch.domain.detection.screen import recent_flows
from pumpwatch.domain.market.candles import (
    BoolArray,
    CandleRequest,
    Candles,
    CandleSeries,
    IntArray,
)
from pumpwatch.domain.moments import HOUR
from pumpwatch.errors import StoreUnavailable
from pumpwatch.ports import HistoryStore, MarketData

from .answers import CandleAnswers, good_answers
from .report import DetectReport
from .state import DetectState

logger = logging.getLogger(__name__)

PAGE = 1000
"""Candles in one answer of the exchange."""
SYMBOLS_CACHED = 1000
"""Symbols whose slices stay in memory between runs."""
MOST_FAILURES = 2


@dataclass(frozen=True, slots=True, eq=False)
class Refreshed:
    """A refreshed slice; arrays are shaped (symbols, ...) as in `candles`.

    `start` is the rule's memory before the grid; candles from `previous` (0: no history before) to
    `through` are new.
    """

    rows: IntArray
    candles: Candles
    start: Carry
    detections: Detections
    previous: IntArray
    through: IntArray


def request_count(requests: list[CandleRequest]) -> int:
    """Return how many answers of the exchange the requests take."""
    return sum(-(-((r.end - r.start) // r.interval + 1) // PAGE) for r in requests)


class CandleHistory:
    """Slices of history, kept in memory while there is room and in the store always."""

    def __init__(self, market: MarketData, store: HistoryStore, detector: Detector) -> None:
        self._market = market
        self._store = store
        self._detector = detector
        self._cached: OrderedDict[int, Candles] = OrderedDict()

    def forget(self) -> None:
        """Drop what is held in memory: another run may have saved something newer."""
        self._cached.clear()

    def fetch(self, state: DetectState, numbers: Sequence[int], now: int) -> CandleAnswers:
        """Return what the slices lack, by symbol, from one round of requests."""
        requests = [r for number in numbers for r in self._lacking(state, number, now)[2]]
        return self._market.candles(requests) if requests else {}

    def slices(self, numbers: Sequence[int]) -> dict[int, Candles | None]:
        """Return the slices that can be had, None for one that does not exist.

        A read that fails takes a good part of a run: after two, only what is in memory is given.
        """
        known: dict[int, Candles | None] = {}
        failures = 0
        for number in dict.fromkeys(numbers):
            try:
                if failures < MOST_FAILURES or number in self._cached:
                    known[number] = self._slice(number)
            except StoreUnavailable as error:
                failures += 1
                logger.warning("history slice was not read", extra={"reason": str(error)})
        return known

    def refresh(
        self,
        state: DetectState,
        number: int,
        now: int,
        answers: CandleAnswers,
        report: DetectReport,
    ) -> Refreshed:
        """Add what was fetched to a slice, replay it, and update the state and the store."""
        rows = state.slice_rows(number)
        symbols = [state.symbols[row] for row in rows]
        old, known, requests = self._lacking(state, number, now)
        end = now // self._detector.interval * self._detector.interval
        series = _closed({name: answers[name] for name in symbols if name in answers}, report)
        starts = [request.start for request in requests]
        starts += [int(old.open_time[0])] if old is not None and known.any() else []
        grid = self._grid(symbols, min([*starts, end]), end)
        if old is not None:
            _copy_rows(grid, old, known)
        grid = grid.merged(series)
        start = Carry.none(len(rows), self._detector.extra)
        start.put(np.flatnonzero(known), state.base.select(rows[known]))
        previous = np.where(known, state.through[rows], 0)
        through = previous.copy()
        for position, symbol in enumerate(symbols):
            if symbol in series:
                through[position] = int(series[symbol].open_time[-1]) + grid.interval
        detections = self._detector.detect(grid, start)
        self._keep(state, number, rows, grid, start, through)
        state.refreshed[number] = now
        report.requests += request_count(requests)
        report.refreshed += len(rows)
        return Refreshed(rows, grid, start, detections, previous, through)

    def window(
        self, state: DetectState, rows: IntArray, series: Mapping[str, CandleSeries], now: int
    ) -> tuple[IntArray, Candles, Carry, BoolArray]:
        """Return the candles of some symbols up to the forming one, and the memory before them.

        The first array has their rows: those whose slice the store does not give are left out. The
        last one says whose slice fits the state, (symbols,): the others cannot be judged.
        """
        end = (now // self._detector.interval + 1) * self._detector.interval
        known = self.slices(state.slice_of[rows].tolist())
        rows = rows[np.isin(state.slice_of[rows], list(known))]
        symbols = [state.symbols[row] for row in rows]
        slices = [known[int(number)] for number in state.slice_of[rows]]
        readable = np.array(
            [self._fits(old, state, row) for old, row in zip(slices, rows, strict=True)],
            dtype=np.bool_,
        )
        grid = self._grid(symbols, int(state.grid_first[rows].min(initial=end)), end)
        for position, old in enumerate(slices):
            if old is not None and readable[position]:
                _copy_rows(grid, old, np.arange(len(rows)) == position)
        return rows, grid.merged(series), state.base.select(rows), readable

    def _lacking(
        self, state: DetectState, number: int, now: int
    ) -> tuple[Candles | None, BoolArray, list[CandleRequest]]:
        """Return a slice as it is kept, whose rows of it are known, and what is not there yet."""
        rows = state.slice_rows(number)
        symbols = [state.symbols[row] for row in rows]
        old = self._slice(number) if (state.through[rows] > 0).any() else None
        known = np.array([self._fits(old, state, row) for row in rows], dtype=np.bool_)
        end = now // self._detector.interval * self._detector.interval
        return old, known, self._requests(symbols, np.where(known, state.through[rows], 0), end)

    def _slice(self, number: int) -> Candles | None:
        if number not in self._cached:
            loaded = self._store.load_slice(number, interval=self._detector.interval)
            if loaded is None or not loaded.shape[1]:
                return None
            self._cache(number, loaded)
        self._cached.move_to_end(number)
        return self._cached[number]

    def _cache(self, number: int, candles: Candles) -> None:
        self._cached[number] = candles
        while len(self._cached) * candles.shape[0] > SYMBOLS_CACHED and len(self._cached) > 1:
            self._cached.popitem(last=False)

    def _fits(self, old: Candles | None, state: DetectState, row: int) -> bool:
        """Return whether the slice is the one that the state was computed from."""
        return (
            old is not None
            and state.through[row] > 0
            and state.symbols[row] in old.symbols
            and int(old.open_time[0]) == state.grid_first[row]
        )

    def _first_wanted(self, end: int) -> int:
        interval = self._detector.interval
        whole_hours = end // HOUR * HOUR - self._detector.history * interval
        return min(whole_hours, end - self._detector.window * interval)

    def _requests(self, symbols: list[str], through: IntArray, end: int) -> list[CandleRequest]:
        interval = self._detector.interval
        starts = np.where(through > 0, through, self._first_wanted(end))
        return [
            CandleRequest(symbol, interval, int(start), end - interval)
            for symbol, start in zip(symbols, starts, strict=True)
            if start < end
        ]

    def _grid(self, symbols: list[str], first: int, end: int) -> Candles:
        interval = self._detector.interval
        return Candles.empty(
            symbols, interval=interval, first=first, count=max(0, end - first) // interval
        )

    def _keep(
        self,
        state: DetectState,
        number: int,
        rows: IntArray,
        grid: Candles,
        start: Carry,
        through: IntArray,
    ) -> None:
        interval, count = self._detector.interval, grid.shape[1]
        if not count:
            return
        end = int(grid.open_time[-1]) + interval
        wanted = end // HOUR * HOUR - self._detector.history * interval
        drop = min(count - 1, max(0, (wanted - int(grid.open_time[0])) // interval))
        base = self._detector.advance(grid.between(0, drop), start)
        kept = grid.between(drop, count)
        state.base.put(rows, base)
        state.carry.put(rows, self._detector.advance(kept, base))
        state.through[rows] = through
        state.grid_first[rows] = int(kept.open_time[0])
        state.first_flow[rows], state.flows[rows] = recent_flows(self._detector, kept, through)
        kept = kept.merged({})
        self._cache(number, kept)
        try:
            self._store.save_slice(number, kept)
        except StoreUnavailable as error:
            facts = {"slice": number, "reason": str(error)}
            logger.warning("history slice was not saved", extra=facts)


def _closed(answers: CandleAnswers, report: DetectReport) -> dict[str, CandleSeries]:
    series = good_answers(answers, report, "symbol skipped")
    report.bad_candles += sum(candles.impossible for candles in series.values())
    return {
        symbol: candles.closed
        for symbol, candles in series.items()
        if len(candles.closed.open_time)
    }


def _copy_rows(grid: Candles, old: Candles, wanted: BoolArray) -> None:
    """Write the wanted rows of `old`, found by symbol, into the grid."""
    row_of = {symbol: row for row, symbol in enumerate(old.symbols)}
    rows = list(np.flatnonzero(wanted))
    sources = [row_of[grid.symbols[position]] for position in rows]
    if not rows:
        return
    moved = old.select(sources).regrid(first=int(grid.open_time[0]), count=grid.shape[1])
    for name in ("open", "high", "low", "close", "volume", "turnover"):
        getattr(grid, name)[rows] = getattr(moved, name)
