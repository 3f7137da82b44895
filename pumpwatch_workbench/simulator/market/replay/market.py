"""Recorded pumps as a market: every counted event becomes a contract of its own."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np

from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.simulator.market.clock import STEPPED_START
from pumpwatch_workbench.simulator.market.day_window import (
    HOUR_MS,
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    DayWindow,
)
from pumpwatch_workbench.simulator.market.paths import forming_candle
from pumpwatch_workbench.simulator.market.replay.contracts import (
    FUNDING_INTERVAL_MINUTES,
    ReplayContract,
    known_onsets,
    make_contracts,
)
from pumpwatch_workbench.simulator.market.replay.minutes import ReplayMinutes
from pumpwatch_workbench.simulator.market.replay.recording import counted_events
from pumpwatch_workbench.simulator.market.replay.schedule import grid_for, schedule
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    FloatArray,
    IntArray,
    MarketView,
    Minutes,
    PlantedEvent,
    Trades,
)
from pumpwatch_workbench.simulator.market.trades import between, joined

EVENTS_PER_HOUR = 16
_FUNDING_RATE = 0.0001
_PEAK_WITHIN_MS = 5 * MINUTE_MS
_HALF_HOUR_MS = HOUR_MS // 2


class ReplayMarket:
    """The counted events of a folder of recorded candles, on one market clock. Implements `Market`.

    Each event is a contract such as ADX07USDT: the coin, the segment, and a letter from B on for
    further events of the same segment. It is listed, with its recorded candles, from at least 25
    hours before its live window (10 minutes before the onset to 60 minutes after it); afterwards
    its price stands still without volume. `EVENTS_PER_HOUR` live windows begin in each market
    hour, the first one in the hour after `STEPPED_START`. Prices and turnovers are multiplied by
    one power of ten for each contract. Raises `BadInput` when the folder cannot be played.
    """

    def __init__(self, folder: Path | str) -> None:
        recorded = RecordedFolder(Path(folder), needs_segments=False)
        events = counted_events(recorded)
        scheduled = schedule(events, STEPPED_START, EVENTS_PER_HOUR)
        grid = grid_for(scheduled)
        contracts, self.dropped = make_contracts(recorded, scheduled, grid)
        self.contracts: tuple[ReplayContract, ...] = tuple(contracts)
        self.known_onsets = known_onsets(contracts, events, grid)
        self._minutes = ReplayMinutes(grid, contracts)
        self._window = DayWindow(self._minutes.hour)
        self._daily = np.array([contract.daily_turnover() for contract in contracts])
        self.listings = tuple(contract.listing() for contract in contracts)
        self._ticks = np.array([float(listing.tick_size) for listing in self.listings])
        self._lock = threading.RLock()

    @property
    def planted(self) -> tuple[PlantedEvent, ...]:
        events = [self._planted(index) for index in range(len(self.contracts))]
        return tuple(sorted(events, key=lambda event: (event.onset, event.symbol)))

    @property
    def start(self) -> int:
        return min(contract.event.live_start for contract in self.contracts)

    @property
    def end(self) -> int:
        return max(contract.event.live_end for contract in self.contracts)

    def minutes(self, index: int, first: int, last: int) -> Minutes:
        return self._minutes.candles(index, -(-first // MINUTE_MS), last // MINUTE_MS + 1)

    def forming(self, index: int, time: int) -> Minutes:
        minute, offset = divmod(time, MINUTE_MS)
        with self._lock:
            self._minutes.ask(index, minute)
            part = self._minutes.part(index, minute, offset)
        return forming_candle(minute, self._minutes.open(index, minute, offset), part)

    def price(self, index: int, time: int) -> float:
        minute = time // MINUTE_MS
        if minute < self._minutes.launch[index]:
            return float("nan")
        with self._lock:
            self._minutes.ask(index, minute)
            return self._minutes.price(index, time)

    def prices(self, time: int) -> FloatArray:
        minute, offset = divmod(time, MINUTE_MS)
        with self._lock:
            self._minutes.ask(slice(None), minute)
            prices = self._minutes.until(minute, offset).price
        return np.where(self._minutes.launch <= minute, prices, np.nan)

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        with self._lock:
            self._minutes.ask(index, end // MINUTE_MS)
            return self._minutes.line(index, start, end)

    def trades(self, index: int, first: int, end: int) -> Trades:
        """Return the recorded trades from `first` to `end`.

        Where none were recorded there are none: made-up ones would overrule what the candles say.
        """
        begin = max(first // MINUTE_MS, int(self._minutes.launch[index]))
        with self._lock:
            parts = [
                self._minutes.trades(index, minute) for minute in range(begin, end // MINUTE_MS + 1)
            ]
        return between(joined(parts), first, end)

    def view(self, time: int) -> MarketView:
        """Return every contract at `time`. Raises ValueError outside the recording."""
        minute, offset = divmod(time, MINUTE_MS)
        with self._lock:
            self._minutes.ask(slice(None), minute)
            forming = self._minutes.until(minute, offset)
            leaving = self._minutes.after(minute - MINUTES_PER_DAY, offset)
            day = self._window.totals(minute, forming, leaving)
            hour_ago = self._minutes.until(minute - MINUTES_PER_HOUR, offset).price
            minute_ago = self._minutes.until(minute - 1, offset).price
        index = 0.5 * (forming.price + minute_ago)
        spread = np.clip(2e-4 * (1e7 / self._daily) ** 0.35, 1e-5, 3e-3)
        return MarketView(
            time=time,
            last=np.where(self._minutes.launch <= minute, forming.price, np.nan),
            mark=0.5 * (forming.price + index),
            index=index,
            high_24h=day.high,
            low_24h=day.low,
            price_24h_ago=leaving.price,
            price_1h_ago=hour_ago,
            volume_24h=day.volume,
            turnover_24h=day.turnover,
            open_interest=self._daily / forming.price,
            funding_rate=np.full(index.size, _FUNDING_RATE),
            half_spread=np.maximum(spread, 0.5 * self._ticks / forming.price),
            depth_usdt=1.2 * self._daily**0.6,
        )

    def funding_times(self, index: int, start: int, end: int) -> list[tuple[int, float]]:
        """Return (time, rate) of the funding payments; the recordings are of spot: a usual rate."""
        interval = FUNDING_INTERVAL_MINUTES * MINUTE_MS
        times = range((start // interval + 1) * interval, end + 1, interval)
        return [(time, _FUNDING_RATE) for time in times]

    def side_against(self, index: int, side: str | None) -> None:
        """Visit this side's worse extreme first from the minute after the latest one asked for."""
        with self._lock:
            self._minutes.side_against(index, side)

    def _planted(self, index: int) -> PlantedEvent:
        contract = self.contracts[index]
        event = contract.event
        first, minute = event.onset, event.onset // MINUTE_MS
        if not self._minutes.has_trades(index, minute):
            # The candle does not tell when in the minute the rise began: take all of it.
            first = minute * MINUTE_MS
        before = self._minutes.price(index, first)
        last = min(event.onset + _PEAK_WITHIN_MS, event.live_end - 1)
        times, prices = self._minutes.line(index, first, last)
        highest = int(np.argmax(prices))
        return PlantedEvent(
            symbol=contract.symbol,
            onset=event.onset,
            peak=max(int(times[highest]), event.onset + 1),
            size=float(prices[highest]) / before - 1.0,
            # By its onset: recordings do not say how a pump was agreed upon.
            announced=abs((event.onset + _HALF_HOUR_MS // 2) % _HALF_HOUR_MS - _HALF_HOUR_MS // 2)
            <= MINUTE_MS,
        )
