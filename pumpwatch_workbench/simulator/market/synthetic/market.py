"""A seeded market of any size with planted pumps, to be found and traded."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np

from pumpwatch_workbench.simulator.market.day_window import (
    HOUR_MS,
    MINUTES_PER_DAY,
    MINUTES_PER_HOUR,
    DayWindow,
)
from pumpwatch_workbench.simulator.market.paths import (
    MinutePaths,
    PartialMinutes,
    after,
    clip_line,
    forming_candle,
    knots,
    steps,
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
        self._all = np.arange(len(contracts.listings))
        self._live_minute = start // HOUR_MS * MINUTES_PER_HOUR
        self._derivatives = Derivatives(contracts, noise)
        self._lock = threading.RLock()

    @property
    def planted(self) -> tuple[PlantedEvent, ...]:
        """Return the pumps of the live window; in an endless market, those drawn so far."""
        with self._lock:
            surges = self._plan.until(self.start + 1 if self.end is None else self.end)
        return tuple(
            PlantedEvent(
                self.listings[surge.index].symbol,
                surge.onset,
                surge.extreme,
                surge.size,
                announced=surge.announced,
            )
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
        chosen = np.array([index])
        with self._lock:
            row = self._minutes.minutes(index, minute, minute + 1)
            part = self._until(chosen, minute, offset, row)
        return forming_candle(minute, row.open, part)

    def price(self, index: int, time: int) -> float:
        minute, offset = divmod(time, MINUTE_MS)
        if minute < self._contracts.launch_minute[index]:
            return float("nan")
        with self._lock:
            row = self._minutes.minutes(index, minute, minute + 1)
            return float(self._until(np.array([index]), minute, offset, row).price[0])

    def prices(self, time: int) -> FloatArray:
        minute, offset = divmod(time, MINUTE_MS)
        with self._lock:
            prices = self._until(self._all, minute, offset, self._row(minute)).price
        return np.where(self._contracts.launch_minute <= minute, prices, np.nan)

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        """Return a line from trade to trade; before the start's hour one from knot to knot."""
        first, stop = start // MINUTE_MS, end // MINUTE_MS + 1
        middle = min(max(first, self._live_minute), stop)
        with self._lock:
            paths = self._minutes.minutes(index, first, stop)
            traded = self._live_trades(index, middle, stop)
        early = np.arange(first, middle, dtype=np.int64) * MINUTE_MS
        pieces = [knots(paths[: middle - first], early)]
        if middle < stop:
            pieces.append(steps(middle * MINUTE_MS, float(paths.open[middle - first]), traded))
        times, prices = (np.concatenate(column) for column in zip(*pieces, strict=True))
        ends = (self.price(index, start), self.price(index, end))
        return clip_line(times, prices, start, end, ends)

    def trades(self, index: int, first: int, end: int) -> Trades:
        """Return the trades from `first` to `end`; there are none before the start's hour."""
        launched = int(self._contracts.launch_minute[index])
        begin = max(first // MINUTE_MS, launched, self._live_minute)
        with self._lock:
            return between(self._live_trades(index, begin, end // MINUTE_MS + 1), first, end)

    def view(self, time: int) -> MarketView:
        """Return every symbol at `time`. Raises ValueError before the start."""
        if time < self.start:
            raise ValueError(f"the market starts at {self.start}, {time} is before that")
        minute, offset = divmod(time, MINUTE_MS)
        with self._lock:
            forming = self._until(self._all, minute, offset, self._row(minute))
            yesterday = self._row(minute - MINUTES_PER_DAY)
            leaving = after(yesterday, offset, self._contracts.scale)
            day = self._window.totals(minute, forming, leaving)
            hour_ago, minute_ago = (
                self._until(self._all, before, offset, self._row(before)).price
                for before in (minute - MINUTES_PER_HOUR, minute - 1)
            )
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

    def _until(
        self, symbols: IntArray, minute: int, offset: int, row: MinutePaths
    ) -> PartialMinutes:
        """Return what has traded in a minute of some symbols; before the start's hour, flowed."""
        scale = self._contracts.scale[symbols]
        if minute < self._live_minute:
            return until(row, offset, scale)
        hour, place = divmod(minute, MINUTES_PER_HOUR)
        chosen, step = place * len(self._all) + symbols, self._contracts.step[symbols]
        return self._minutes.tape(hour).so_far(chosen, offset, row.open, scale, step)

    def _live_trades(self, index: int, first: int, stop: int) -> Trades:
        """Return the trades of some minutes from the start's hour on."""
        parts = []
        while first < stop:
            hour, place = divmod(first, MINUTES_PER_HOUR)
            end = min(stop, (hour + 1) * MINUTES_PER_HOUR)
            minutes = [
                (row * len(self._all) + index, (hour * MINUTES_PER_HOUR + row) * MINUTE_MS)
                for row in range(place, place + end - first)
            ]
            scale, step = self._contracts.scale[index], self._contracts.step[index]
            parts.append(self._minutes.tape(hour).trades(minutes, float(scale), float(step)))
            first = end
        return joined(parts)
