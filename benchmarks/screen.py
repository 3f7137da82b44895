"""The screen on real perpetuals: how much it asks for, and that it drops no candle that counts.

The recorded minutes are shown as the exchange's tickers would show them, and the history is
refreshed in the product's round: a slice of five symbols a minute.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import numpy as np

from benchmarks.harness import recorded
from pumpwatch.domain.detection.base import Detector
from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.screen import Reading, screen
from pumpwatch.domain.detection.windows import trailing_max
from pumpwatch.domain.market.candles import (
    COLUMNS,
    BoolArray,
    CandleRequest,
    Candles,
    CandleSeries,
    IntArray,
)
from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch.ports import MarketData
from pumpwatch.usecases.detect.history import CandleHistory
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.detect.state import DetectState
from pumpwatch_workbench.local.memory import MemoryHistoryStore
from pumpwatch_workbench.recordings import RecordedFolder

DAY_OF_MINUTES = DAY // MINUTE
PER_SLICE, ROUND = 5, 36
"""Symbols of a slice, and the fewest minutes between two refreshes of it."""
SAME_TIME = 10
"""Minutes about the time of a move a day later."""


def measure() -> dict[str, float]:
    """Return candidates a scan and dropped candles; nothing where the data is absent."""
    folder = recorded("PUMPWATCH_PERPETUALS")
    if not folder:
        return {}
    figures = {"symbols": 0.0, "possible_alarms": 0.0, "dropped": 0.0}
    for market in markets(Path(folder)):
        possible = Boosted().detect(market).possible[:, DAY_OF_MINUTES:]
        asked = candidates(Boosted(), market, DAY_OF_MINUTES, market.shape[1])
        figures["possible_alarms"] += int(possible.sum())
        figures["dropped"] += int((possible & ~asked).sum())
        if market.shape[0] > figures["symbols"]:
            load = asked.sum(axis=0)
            busiest = int(load[: -DAY_OF_MINUTES - SAME_TIME].argmax())
            figures |= {
                "symbols": market.shape[0],
                "candidates_a_scan_mean": float(load.mean()),
                "candidates_a_scan_p99": float(np.percentile(load, 99)),
                "candidates_a_scan_worst": int(load.max()),
                "candidates_a_scan_worst_a_day_later": int(day_after(load, busiest).max()),
            }
    return figures


def markets(folder: Path) -> Iterator[Candles]:
    """Yield each group of symbols that were watched at the same time, on one grid."""
    grids = [recording.on_grid() for recording in RecordedFolder(folder).candles()]
    grids.sort(key=lambda grid: int(grid.open_time[0]))
    group: list[Candles] = []
    for grid in grids:
        if group and grid.open_time[0] > max(other.open_time[-1] for other in group):
            yield _together(group)
            group = []
        group.append(grid)
    yield _together(group)


def day_after(load: IntArray, moment: int) -> IntArray:
    """Return the candidates of the scans about a day after a moment."""
    same = moment + DAY_OF_MINUTES
    return load[same - SAME_TIME : same + SAME_TIME + 1]


def _together(grids: Sequence[Candles]) -> Candles:
    first = min(int(grid.open_time[0]) for grid in grids)
    count = (max(int(grid.open_time[-1]) for grid in grids) - first) // MINUTE + 1
    moved = [grid.regrid(first=first, count=count) for grid in grids]
    columns = [np.concatenate([getattr(grid, name) for grid in moved]) for name in COLUMNS]
    names = tuple(symbol for grid in grids for symbol in grid.symbols)
    return Candles(names, MINUTE, moved[0].open_time, *columns)


def candidates(detector: Detector, market: Candles, begin: int, end: int) -> BoolArray:
    """Return which symbols are asked for when each of the candles [begin, end) has ended.

    Shaped (symbols, candles). Symbols that the rule does not know long enough are left out.
    """
    state, source = DetectState.empty(detector, ""), cast(MarketData, RecordedMarket(market))
    history = CandleHistory(source, MemoryHistoryStore(), detector)
    state.add(market.symbols, PER_SLICE)
    slices = int(state.slice_of.max()) + 1
    tickers = Tickers(detector, market)
    asked = np.zeros((len(market.symbols), end - begin), dtype=np.bool_)
    for number in range(slices):
        _refresh(history, state, number, int(market.open_time[begin]))
    state.looked(tickers.at(begin), MINUTE)
    for column in range(begin, end):
        state.unjudged[:] = market.open_time[column]
        now = tickers.at(column + 1)
        ready = state.carry.count + (now.time - state.through) // MINUTE > detector.window
        screened = screen(detector, state.past, state.looks, now)
        asked[:, column - begin] = screened.candidate & ready & ~np.isnan(now.flow)
        state.looked(now, MINUTE)
        number = column % max(ROUND, slices)
        if number < slices:
            _refresh(history, state, number, now.time)
    return asked


def _refresh(history: CandleHistory, state: DetectState, number: int, now: int) -> None:
    history.refresh(state, number, now, history.fetch(state, [number], now), DetectReport())


class RecordedMarket:
    """Answers requests for candles from a recording."""

    def __init__(self, market: Candles) -> None:
        self._market = market
        self._values = np.stack([getattr(market, name) for name in COLUMNS], axis=2)

    def candles(self, requests: Sequence[CandleRequest]) -> dict[str, CandleSeries]:
        """Return what is recorded of each request."""
        opens, answers = self._market.open_time, {}
        for request in requests:
            row = self._market.symbols.index(request.symbol)
            begin, end = np.searchsorted(opens, [request.start, request.end + 1])
            known = begin + np.flatnonzero(~np.isnan(self._values[row, begin:end, 3]))
            answers[request.symbol] = CandleSeries(
                request.symbol, MINUTE, opens[known], self._values[row, known], forming=False
            )
        return answers


class Tickers:
    """The exchange's figures of 24 hours at the end of each recorded minute."""

    def __init__(self, detector: Detector, market: Candles) -> None:
        self._times = market.open_time
        self._before = np.isnan(market.close).cumprod(axis=1).astype(np.bool_)
        flow = np.nan_to_num(getattr(market, detector.flow))
        self._flow = np.cumsum(flow, axis=1)
        self._high = trailing_max(np.nan_to_num(market.high), DAY_OF_MINUTES)
        with np.errstate(divide="ignore"):
            self._low = 1.0 / trailing_max(np.nan_to_num(1.0 / market.low), DAY_OF_MINUTES)

    def at(self, column: int) -> Reading:
        """Return the reading when that minute begins."""
        last, old = column - 1, column - 1 - DAY_OF_MINUTES
        flow = self._flow[:, last] - (self._flow[:, old] if old >= 0 else 0.0)
        known = np.where(self._before[:, last], np.nan, 1.0)
        time = int(self._times[last]) + MINUTE
        return Reading(
            time, self._low[:, last] * known, self._high[:, last] * known, np.round(flow, 4) * known
        )
