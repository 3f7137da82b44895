"""A seeded market of any size with planted pumps, to be found and traded."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import (
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    DayWindow,
)
from pumpwatch_workbench.simulator.market.paths import (
    MinutePaths,
    after,
    clip_line,
    forming_candle,
    knots,
    price_at,
    until,
)
from pumpwatch_workbench.simulator.market.source import (
    DAY_MS,
    MINUTE_MS,
    FloatArray,
    IntArray,
    MarketView,
    Minutes,
    PlantedEvent,
    Trades,
)
from pumpwatch_workbench.simulator.market.synthetic.contracts import make_contracts
from pumpwatch_workbench.simulator.market.synthetic.derivatives import Derivatives
from pumpwatch_workbench.simulator.market.synthetic.generator import Generator
from pumpwatch_workbench.simulator.market.synthetic.minutes import SyntheticMinutes
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise
from pumpwatch_workbench.simulator.market.synthetic.schedule import PumpPlan
from pumpwatch_workbench.simulator.market.synthetic.trades import SyntheticTrades
from pumpwatch_workbench.simulator.market.trades import between, joined

HISTORY_DAYS = 400


class SyntheticMarket:
    """A market of `symbols` USDT coin perpetuals and a few other contracts. Implements `Market`.

    `start` is the first live instant (milliseconds UTC, on a full minute); with `live_minutes` the
    pumps keep 10 minutes away from both ends of the live window. `pumps` names them; `quiet` leaves
    out every other burst, spike and crash, so that the pumps are the only movers. Without
    `live_minutes` the market never ends, and `planted` grows as time is asked for. Safe to use from
    several threads. Raises ValueError for a number of symbols outside 1 to 2,000 or a start within
    a minute.
    """

    def __init__(
        self,
        symbols: int,
        seed: int,
        start: int,
        live_minutes: int | None = None,
        *,
        pumps: Sequence[PlantedEvent] | None = None,
        quiet: bool = False,
    ) -> None:
        if start % MINUTE_MS:
            raise ValueError(f"a market starts on a full minute, {start} ms is within one")
        if live_minutes is not None and live_minutes < 1:
            raise ValueError(f"a market lives for at least one minute, not {live_minutes}")
        noise = Noise(seed)
        self.start = start
        self.end = None if live_minutes is None else start + live_minutes * MINUTE_MS
        self._contracts = contracts = make_contracts(symbols, noise, start)
        self.listings = contracts.listings
        self._plan = PumpPlan(contracts, noise, start, self.end, pumps)
        generator = Generator(contracts, noise, quiet=quiet)
        self._minutes = SyntheticMinutes(
            contracts, noise, generator, self._plan, start, quiet=quiet
        )
        self._window = DayWindow(self._minutes.whole_hour)
        self._trades = SyntheticTrades(contracts, noise)
        self._derivatives = Derivatives(contracts, noise)
        self._lock = threading.RLock()

    @property
    def planted(self) -> tuple[PlantedEvent, ...]:
        """Return the pumps of the live window; in an endless market, those drawn so far."""
        with self._lock:
            surges = self._plan.until(self.start + 1 if self.end is None else self.end)
        return tuple(
            PlantedEvent(self.listings[surge.index].symbol, surge.onset, surge.extreme, surge.size)
            for surge in surges
        )

    def minutes(self, index: int, first: int, last: int) -> Minutes:
        """Return the complete candles with `first <= open_time <= last`, at most 400 days back."""
        begin = max(-(-first // MINUTE_MS), int(self._contracts.launch_minute[index]))
        begin = max(begin, (self.start - HISTORY_DAYS * DAY_MS) // MINUTE_MS)
        stop = max(last // MINUTE_MS + 1, begin)
        with self._lock:
            paths = self._minutes.minutes(index, begin, stop)
        return Minutes(
            open_time=np.arange(begin, stop, dtype=np.int64) * MINUTE_MS,
            open=paths.open,
            high=paths.high,
            low=paths.low,
            close=paths.close,
            volume=paths.volume,
            turnover=paths.turnover,
        )

    def forming(self, index: int, time: int) -> Minutes:
        minute, offset = divmod(time, MINUTE_MS)
        with self._lock:
            row = self._minutes.minutes(index, minute, minute + 1)
        part = until(row, offset, self._contracts.scale[index : index + 1])
        return forming_candle(minute, row.open, part)

    def price(self, index: int, time: int) -> float:
        minute, offset = divmod(time, MINUTE_MS)
        if minute < self._contracts.launch_minute[index]:
            return float("nan")
        with self._lock:
            row = self._minutes.minutes(index, minute, minute + 1)
        return float(price_at(row, offset, self._contracts.scale[index : index + 1])[0])

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        first, stop = start // MINUTE_MS, end // MINUTE_MS + 1
        with self._lock:
            paths = self._minutes.minutes(index, first, stop)
        times, prices = knots(paths, np.arange(first, stop, dtype=np.int64) * MINUTE_MS)
        ends = (self.price(index, start), self.price(index, end))
        return clip_line(times, prices, start, end, ends)

    def trades(self, index: int, first: int, end: int) -> Trades:
        begin = max(first // MINUTE_MS, int(self._contracts.launch_minute[index]))
        stop = max(end // MINUTE_MS + 1, begin)
        with self._lock:
            paths = self._minutes.minutes(index, begin, stop)
            pumps = [pump for pump in self._plan.until(end + 1) if pump.index == index]
        parts = [
            self._trades.trades(index, minute, paths[minute - begin], pumps)
            for minute in range(begin, stop)
        ]
        return between(joined(parts), first, end)

    def view(self, time: int) -> MarketView:
        """Return every symbol at `time`. Raises ValueError before the start."""
        if time < self.start:
            raise ValueError(f"the market starts at {self.start}, {time} is before that")
        minute, offset = divmod(time, MINUTE_MS)
        with self._lock:
            scale = self._contracts.scale
            forming = until(self._row(minute), offset, scale)
            leaving = after(self._row(minute - MINUTES_PER_DAY), offset, scale)
            day = self._window.totals(minute, forming, leaving)
            hour_ago = price_at(self._row(minute - MINUTES_PER_HOUR), offset, scale)
            minute_ago = price_at(self._row(minute - 1), offset, scale)
            pumps = self._plan.until(time + 1)
            derived = self._derivatives.at(time, forming.price, minute_ago, pumps)
        launched = self._contracts.launch_minute <= minute
        return MarketView(
            time=time,
            last=np.where(launched, forming.price, np.nan),
            high_24h=day.high,
            low_24h=day.low,
            price_24h_ago=leaving.price,
            price_1h_ago=hour_ago,
            volume_24h=day.volume,
            turnover_24h=day.turnover,
            **derived,
        )

    def funding_times(self, index: int, start: int, end: int) -> list[tuple[int, float]]:
        with self._lock:
            pumps = self._plan.until(end + 1)
        return self._derivatives.payments(index, start, end, pumps)

    def side_against(self, index: int, side: str | None) -> None:
        """Do nothing: a synthetic minute has its own order of prices."""

    def _row(self, minute: int) -> MinutePaths:
        return self._minutes.whole_hour(minute // MINUTES_PER_HOUR).paths[minute % MINUTES_PER_HOUR]
