"""A calm market of any number of symbols, in closed form, in which some symbols surge.

Nothing is kept: every candle and every ticker follows from the symbol's number and the time. Calm
symbols repeat each hour, so the flow of 24 hours is a constant and the screen has nothing to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import numpy as np

from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot, OrderBook
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.errors import PumpwatchError, UnknownSymbol
from pumpwatch_workbench.simulator.market.source import (
    MINUTE_MS,
    FloatArray,
    IntArray,
    Listing,
    MarketView,
    Minutes,
    PlantedEvent,
    Trades,
)
from pumpwatch_workbench.simulator.market.trades import plain_trades

HOUR_MINUTES = 60
SWING, WICK, EBB = 0.002, 0.0003, 0.5
"""Of price, of a candle's ends and of turnover over the hour, as fractions."""
ONSET_OFFSET = 5_000
"""Milliseconds into its minute at which a surge begins."""
SURGE_KNOTS = ((0, 1.0), (40_000, 1.6), (600_000, 1.3))
"""Milliseconds since the onset, and the price over the calm one."""
SURGE_FLOW = 3_000.0
"""Turnover of a minute of the surge over the calm one."""
SURGE_MINUTES = 30
TICK = Decimal("0.0001")
HALF_SPREAD, DEPTH_USDT, FUNDING = 0.0005, 10_000.0, 0.0001
TURNOVERS = (200.0, 200_000.0)
"""USDT a minute, of the least and of the most traded symbol."""
DAYS_KEPT = 400
PHASES = np.arange(HOUR_MINUTES)
WAVE: FloatArray = np.sin(2 * np.pi * PHASES / HOUR_MINUTES)


class CalmMarket:
    """`symbols` perpetuals of which the first `movers` surge at `onset` (a full minute).

    Implements the simulator's `Market`; times in milliseconds UTC.
    """

    def __init__(self, symbols: int, movers: int, start: int, onset: int) -> None:
        numbers = np.arange(symbols)
        self._start, self._onset = start, onset
        self._moves = numbers < movers
        self._shift = numbers * 7 % HOUR_MINUTES
        self._base = 0.5 * 100.0 ** ((numbers * 0.618034) % 1.0)
        low, high = TURNOVERS
        self._flow = high * (low / high) ** (numbers / max(1, symbols - 1))
        self.listings = tuple(_listing(f"S{number:05d}") for number in range(symbols))
        self.planted = tuple(
            PlantedEvent(one.symbol, onset + ONSET_OFFSET, onset + ONSET_OFFSET + 40_000, 0.6)
            for one in self.listings[:movers]
        )
        self.end: int | None = None
        opened = self._base[:, None] * (1 + SWING * WAVE)
        self._calm_high = np.maximum(opened, np.roll(opened, -1, axis=1)).max(axis=1) * (1 + WICK)
        self._calm_low = np.minimum(opened, np.roll(opened, -1, axis=1)).min(axis=1) * (1 - WICK)
        self._day_flow = 24 * self._flow * (1 + EBB * WAVE).sum()

    @property
    def start(self) -> int:
        """Return the first live instant."""
        return self._start

    def minutes(self, index: int, first: int, last: int) -> Minutes:
        """Return the complete candles with `first <= open_time <= last`."""
        earliest = self._start - DAYS_KEPT * 24 * HOUR_MINUTES * MINUTE_MS
        begin, stop = -(-max(first, earliest) // MINUTE_MS), last // MINUTE_MS + 1
        opened = np.arange(begin, max(begin, stop), dtype=np.int64) * MINUTE_MS
        return self._candles(np.full(len(opened), index), opened, opened + MINUTE_MS)

    def forming(self, index: int, time: int) -> Minutes:
        """Return the candle that contains `time`, as it stands then."""
        opened = np.array([time // MINUTE_MS * MINUTE_MS], dtype=np.int64)
        return self._candles(np.array([index]), opened, np.array([time]))

    def price(self, index: int, time: int) -> float:
        """Return the last price."""
        return float(self._prices(np.array([index]), np.array([time]))[0])

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        """Return the price at both ends and at each minute between them."""
        inside = np.arange(start // MINUTE_MS + 1, -(-end // MINUTE_MS)) * MINUTE_MS
        times = np.concatenate([[start], inside, [end]]).astype(np.int64)
        return times, self._prices(np.full(len(times), index), times)

    def trades(self, index: int, first: int, end: int) -> Trades:
        """Return calm trades along the line."""
        return plain_trades(self, index, first, end)

    def view(self, time: int) -> MarketView:
        """Return every symbol at `time`."""
        everyone = np.arange(len(self.listings))
        last = self._prices(everyone, np.full(len(everyone), time))
        calm = self._calm(everyone, np.full(len(everyone), time))
        surge_high = np.where(self._moves, self._calm_high * self._peak_until(time), 0.0)
        turnover = self._day_flow + np.where(self._moves, self._surged(time), 0.0)
        return MarketView(
            time=time,
            last=last,
            mark=last,
            index=last,
            high_24h=np.maximum(self._calm_high, surge_high),
            low_24h=self._calm_low,
            price_24h_ago=calm,
            price_1h_ago=calm,
            volume_24h=turnover / self._base,
            turnover_24h=turnover,
            open_interest=turnover / self._base,
            funding_rate=np.full(len(everyone), FUNDING),
            half_spread=np.full(len(everyone), HALF_SPREAD),
            depth_usdt=np.full(len(everyone), DEPTH_USDT),
        )

    def funding_times(self, index: int, start: int, end: int) -> list[tuple[int, float]]:
        """Return nothing: no position is held here."""
        return []

    def side_against(self, index: int, side: str | None) -> None:
        """Do nothing."""

    # --- inside --------------------------------------------------------------------------

    def _candles(self, rows: IntArray, opened: IntArray, until: IntArray) -> Minutes:
        """Return candles as they stand `until` a time within them or at their end."""
        start, stop = self._prices(rows, opened), self._prices(rows, until)
        share = (until - opened) / MINUTE_MS
        flow = self._flow[rows] * (1 + EBB * WAVE[self._phase(rows, opened)])
        surging = self._moves[rows] & (opened >= self._onset)
        surging &= opened < self._onset + SURGE_MINUTES * MINUTE_MS
        turnover = flow * np.where(surging, SURGE_FLOW, 1.0) * share
        top = np.maximum(start, stop)
        peaked = surging & (opened == self._onset) & (until >= self._onset + ONSET_OFFSET)
        reached = self._calm(rows, opened) * np.array([self._peak_until(int(t)) for t in until])
        top = np.where(peaked, np.maximum(top, reached), top)
        return Minutes(
            open_time=opened,
            open=start,
            high=top * (1 + WICK),
            low=np.minimum(start, stop) * (1 - WICK),
            close=stop,
            volume=turnover / self._base[rows],
            turnover=turnover,
        )

    def _prices(self, rows: IntArray, times: IntArray) -> FloatArray:
        since, factor = zip(*SURGE_KNOTS, strict=True)
        surge = np.interp(times - self._onset - ONSET_OFFSET, since, factor, left=1.0)
        return self._calm(rows, times) * np.where(self._moves[rows], surge, 1.0)

    def _calm(self, rows: IntArray, times: IntArray) -> FloatArray:
        phase, share = self._phase(rows, times), times % MINUTE_MS / MINUTE_MS
        wave = WAVE[phase] * (1 - share) + WAVE[(phase + 1) % HOUR_MINUTES] * share
        prices: FloatArray = self._base[rows] * (1 + SWING * wave)
        return prices

    def _phase(self, rows: IntArray, times: IntArray) -> IntArray:
        phase: IntArray = (times // MINUTE_MS + self._shift[rows]) % HOUR_MINUTES
        return phase

    def _peak_until(self, time: int) -> float:
        since, factor = zip(*SURGE_KNOTS, strict=True)
        rise_ends = since[int(np.argmax(factor))]
        passed = min(time - self._onset - ONSET_OFFSET, rise_ends)
        return float(np.interp(passed, since, factor, left=1.0))

    def _surged(self, time: int) -> FloatArray:
        """Return what the surge has added to the flow of 24 hours."""
        length = min(max(0, time - self._onset), SURGE_MINUTES * MINUTE_MS)
        opened = self._onset + np.arange(SURGE_MINUTES) * MINUTE_MS
        shares = np.clip((self._onset + length - opened) / MINUTE_MS, 0.0, 1.0)
        phases = (opened[None, :] // MINUTE_MS + self._shift[:, None]) % HOUR_MINUTES
        added: FloatArray = (SURGE_FLOW - 1) * self._flow * ((1 + EBB * WAVE[phases]) @ shares)
        return added


class CalmMarketData:
    """The market without a wire (MarketData port): what fills the history before it is measured."""

    def __init__(self, market: CalmMarket, now: int) -> None:
        self.market, self.now = market, now
        self._index = {one.symbol: number for number, one in enumerate(market.listings)}

    def time(self) -> int:
        """Return `now`."""
        return self.now

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        """Return every symbol, whichever is wanted."""
        view = self.market.view(self.now)
        return MarketSnapshot(
            time=self.now,
            symbols=tuple(self._index),
            last_price=view.last,
            mark_price=view.mark,
            bid=view.last * (1 - HALF_SPREAD),
            ask=view.last * (1 + HALF_SPREAD),
            high_24h=view.high_24h,
            low_24h=view.low_24h,
            volume_24h=view.volume_24h,
            turnover_24h=view.turnover_24h,
            funding_rate=view.funding_rate,
            next_funding=np.full(len(view.last), self.now + MINUTE_MS, dtype=np.int64),
        )

    def watchlist(self) -> Mapping[str, str]:
        """Return every contract."""
        return {one.symbol: one.symbol_type for one in self.market.listings}

    def instruments(self) -> Mapping[str, Instrument]:
        """Return every contract."""
        return {one.symbol: _instrument(one) for one in self.market.listings}

    def candles(
        self, requests: Sequence[CandleRequest]
    ) -> Mapping[str, CandleSeries | PumpwatchError]:
        """Return one-minute candles, the forming one included where the range reaches it."""
        return {one.symbol: self._series(one) for one in requests}

    def recent_trades(self, symbols: Sequence[str]) -> Mapping[str, MarketTrades | PumpwatchError]:
        """Answer `UnknownSymbol` for each: nothing alarms while the history is filled."""
        return {symbol: UnknownSymbol(f"{symbol} has no trades here") for symbol in symbols}

    def order_book(self, symbol: str) -> OrderBook:
        """Raise `UnknownSymbol`: detection asks for no book."""
        raise UnknownSymbol(f"{symbol} has no book here")

    def _series(self, asked: CandleRequest) -> CandleSeries:
        index, minute = self._index[asked.symbol], self.now // MINUTE_MS * MINUTE_MS
        parts = [self.market.minutes(index, asked.start, min(asked.end, minute - MINUTE_MS))]
        if asked.end >= minute:
            parts.append(self.market.forming(index, self.now))
        columns = [
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("open", "high", "low", "close", "volume", "turnover")
        ]
        opened = np.concatenate([part.open_time for part in parts])
        return CandleSeries(
            asked.symbol, asked.interval, opened, np.stack(columns, axis=1), len(parts) > 1
        )


def _listing(coin: str) -> Listing:
    step, many = Decimal("0.1"), Decimal(1_000_000)
    return Listing(
        symbol=f"{coin}USDT",
        base_coin=coin,
        tick_size=TICK,
        quantity_step=step,
        min_quantity=step,
        max_quantity=many,
        max_market_quantity=many,
        min_notional=Decimal(5),
        max_leverage=Decimal(25),
        launch_time=0,
    )


def _instrument(one: Listing) -> Instrument:
    return Instrument(
        symbol=one.symbol,
        tick_size=one.tick_size,
        quantity_step=one.quantity_step,
        min_quantity=one.min_quantity,
        max_market_quantity=one.max_market_quantity,
        min_notional=one.min_notional,
        max_leverage=one.max_leverage,
        launch_time=one.launch_time,
    )
