"""Quotes of the exchange: market views cached by time, best prices on the tick, books, marks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal

import numpy as np
from numpy.typing import NDArray

from pumpwatch_workbench.simulator.market.source import (
    DAY_MS,
    MINUTE_MS,
    FloatArray,
    Listing,
    Market,
    MarketView,
)

from .book import DEPTH_BAND, SPACING, WEIGHTS, BookSide
from .settings import ExchangeSettings

KEPT_VIEWS = 4
HALTED_HALF_SPREAD = 0.001
PREMIUM_MS, PREMIUM_STEP_MS = 30_000, 5_000
"""The price limit knows the premium of so long, asked for in such steps."""
PLAIN = ExchangeSettings(mark_lag_minutes=0, book_refill_ms=0)


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Best prices and sizes of the whole market; arrays shaped (symbols,), prices in ticks."""

    last: FloatArray
    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray


class Prices:
    """Answer price questions about one market, cheaply when asked again for the same instant.

    `settings` say how far the mark price lags and how fast books refill; without them it is what
    the market says, and books are full at once.
    """

    def __init__(self, market: Market, settings: ExchangeSettings = PLAIN) -> None:
        self.market = market
        self.settings = settings
        self._swept: dict[tuple[int, str], tuple[int, Decimal]] = {}
        self._views: dict[int, tuple[MarketView, Quotes]] = {}
        self._ratios: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._known: dict[int, float] = {}
        self.forget()

    def forget(self) -> None:
        """Drop what was worked out: something has happened to the market at this very instant."""
        listings = self.market.listings
        self.ticks: FloatArray = np.array([float(item.tick_size) for item in listings])
        self.steps: FloatArray = np.array([float(item.quantity_step) for item in listings])
        self._furthest: FloatArray = np.array(
            [float(self.limit_ratios(index)[1]) for index in range(len(listings))]
        )
        self._views.clear()
        self._ratios.clear()

    def view(self, time: int) -> tuple[MarketView, Quotes]:
        """Return the market and its best prices at `time`."""
        if time not in self._views:
            view = self.market.view(time)
            while len(self._views) >= KEPT_VIEWS:
                self._views.pop(next(iter(self._views)))
            self._views[time] = view, self._quotes(view)
        return self._views[time]

    def is_trading(self, index: int, time: int) -> bool:
        """Tell whether the symbol has a price at `time`."""
        return not math.isnan(self.market.price(index, time))

    def last(self, index: int, time: int) -> Decimal:
        """Return the last price on the tick; of a halted symbol the last one there was."""
        return on_tick(self._price(index, time), self.market.listings[index].tick_size)

    def mark(self, index: int, time: int) -> Decimal:
        """Return the mark price on the tick."""
        return on_tick(self._mark(index, time), self.market.listings[index].tick_size)

    def _mark(self, index: int, time: int) -> float:
        """Return the mark price: it follows the index, the mean of the last minutes' prices.

        Beyond the price limit nothing trades, so the last price is never further away than that.
        """
        last, lag = self._price(index, time), self.settings.mark_lag_minutes
        if not lag:
            return last * self.ratio(index, time, "MarkPrice")
        before = (
            self.market.price(index, max(time - back * MINUTE_MS, self.market.start))
            for back in range(1, lag + 1)
        )
        prices = [last, *(last if math.isnan(price) else price for price in before)]
        most = float(self.limit_ratios(index)[1])
        return min(max(sum(prices) / len(prices), last / (1 + most)), last / (1 - most))

    def mark_line(self, index: int, start: int, end: int) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the knots (times, prices) of a lagging mark price over [start, end]."""
        lag = self.settings.mark_lag_minutes
        begin = max(start - lag * MINUTE_MS, min(self.market.start, start))
        times, line = self.market.path(index, begin, end)
        moved = np.concatenate([times + back * MINUTE_MS for back in range(lag + 1)])
        knots = np.union1d(moved[(moved > start) & (moved < end)], np.array([start, end]))
        shifts = [np.maximum(knots - back * MINUTE_MS, begin) for back in range(lag + 1)]
        last = np.interp(knots, times, line)
        mean = np.mean([np.interp(shift, times, line) for shift in shifts], axis=0)
        most = float(self.limit_ratios(index)[1])
        return knots.astype(np.int64), np.clip(mean, last / (1 + most), last / (1 - most))

    def limit_ratios(self, index: int) -> tuple[Decimal, Decimal]:
        """Return `priceLimitRatioX` and `priceLimitRatioY` of a contract."""
        own = self.market.listings[index].price_limit_ratios
        return own or (self.settings.market_price_band, self.settings.limit_price_band)

    def limits(self, index: int, time: int) -> tuple[Decimal, Decimal]:
        """Return the highest price to buy at and the lowest to sell at, on the tick.

        By Bybit's set-price-limit page: X around the mark price and the mean premium of the last
        30 seconds on top, at most Y around it; the index is the mark price here.
        """
        mark, tick = self.mark(index, time), self.market.listings[index].tick_size
        near, far = self.limit_ratios(index)
        span = PREMIUM_MS if self.settings.mark_lag_minutes else 0
        moments = range(time, min(max(time - span, self.market.start), time) - 1, -PREMIUM_STEP_MS)
        above = [self._price(index, at) - self._mark(index, at) for at in moments]
        premium = Decimal(repr(sum(above) / len(above)))
        highest = min(mark * (1 + far), mark * (1 + near) + max(premium, Decimal(0)))
        lowest = max(mark * (1 - far), mark * (1 - near) + min(premium, Decimal(0)))
        return highest // tick * tick, max(-(-lowest // tick) * tick, tick)

    def sweep(self, index: int, taker: str, quantity: Decimal, time: int) -> None:
        """Take a quantity off the book; it comes back over `book_refill_ms`."""
        if self.settings.book_refill_ms:
            self._swept[index, taker] = time, self._gone(index, taker, time) + quantity

    def _gone(self, index: int, taker: str, time: int) -> Decimal:
        since, quantity = self._swept.get((index, taker), (0, Decimal(0)))
        left = since + self.settings.book_refill_ms - time
        if not quantity or left <= 0:
            self._swept.pop((index, taker), None)
            return Decimal(0)
        step = self.market.listings[index].quantity_step
        return floor_to(quantity * left / self.settings.book_refill_ms, step)

    def shown(self, time: int) -> tuple[MarketView, Quotes]:
        """Return the market as tickers show it: with the mark and index prices there are here."""
        view, quotes = self.view(time)
        lag = self.settings.mark_lag_minutes
        if not lag:
            return view, quotes
        moments = (max(time - back * MINUTE_MS, self.market.start) for back in range(1, lag + 1))
        before = [self.market.prices(moment) for moment in moments]
        prices = [view.last, *(np.where(np.isnan(line), view.last, line) for line in before)]
        most, mean = self._furthest, np.mean(prices, axis=0)
        mark = np.clip(mean, view.last / (1 + most), view.last / (1 - most))
        return replace(view, mark=mark, index=mark), quotes

    def ratio(self, index: int, time: int, kind: str) -> float:
        """Return mark (or index) over last price at the start of the minute, 1 for LastPrice.

        Within a minute the mark keeps this ratio, so that its path follows from the last price's.
        """
        if kind not in {"MarkPrice", "IndexPrice"}:
            return 1.0
        minute = max(time // MINUTE_MS * MINUTE_MS, self.market.start)
        if minute not in self._ratios:
            view = self.market.view(minute)
            self._ratios = {minute: (view.mark / view.last, view.index / view.last)}
        value = float(self._ratios[minute][0 if kind == "MarkPrice" else 1][index])
        return value if math.isfinite(value) else 1.0

    def half_spread(self, index: int, time: int) -> float:
        """Return half the spread as a fraction of the price."""
        return _number(self.view(time)[0].half_spread[index], HALTED_HALF_SPREAD)

    def book(self, index: int, time: int, last: float | None = None) -> BookSide:
        """Return the order book at `time`, around `last` when a price inside a move is known."""
        listing = self.market.listings[index]
        view, quotes = self.view(time)
        tick = listing.tick_size
        # At the instant a symbol halts, only `last` may be known.
        half = self.half_spread(index, time)
        depth = _number(view.depth_usdt[index], 0.0)
        if last is None:
            middle, bid, ask = (float(a[index]) for a in (quotes.last, quotes.bid, quotes.ask))
        else:
            around = best_ticks(np.array([last]), self.ticks[index], half)
            middle, bid, ask = (float(a[0]) for a in around)
        return BookSide(
            listing=listing,
            last=int(middle) * tick,
            best_bid=int(bid) * tick,
            best_ask=int(ask) * tick,
            depth=Decimal(repr(round(depth, 2))),
            taken=(self._gone(index, "Buy", time), self._gone(index, "Sell", time)),
        )

    def _price(self, index: int, time: int) -> float:
        price = self.market.price(index, time)
        if not math.isnan(price):
            self._known[index] = price
            return price
        if index not in self._known:
            closes = self.market.minutes(index, time - DAY_MS, time).close
            self._known[index] = float(closes[-1]) if len(closes) else float(self.ticks[index])
        return self._known[index]

    def _quotes(self, view: MarketView) -> Quotes:
        ticks, steps = self.ticks, self.steps
        last, bid, ask = best_ticks(view.last, ticks, view.half_spread)
        spacing = np.maximum(np.round(last * float(SPACING)), 1.0)
        levels = np.floor(float(DEPTH_BAND) * last / spacing + 1e-9) + 1.0
        notional = view.depth_usdt / levels * float(WEIGHTS[0])
        return Quotes(
            last=last,
            bid=bid,
            ask=ask,
            bid_size=np.maximum(np.floor(notional / (bid * ticks) / steps + 1e-9), 1.0) * steps,
            ask_size=np.maximum(np.floor(notional / (ask * ticks) / steps + 1e-9), 1.0) * steps,
        )


def _number(value: float, default: float) -> float:
    return float(value) if math.isfinite(value) else default


def best_ticks(
    last: FloatArray, tick: FloatArray | float, half_spread: FloatArray | float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return last, bid and ask in ticks: bid at most the last price, ask above the bid."""
    middle = np.maximum(np.round(last / tick), 1.0)
    exact = last / tick
    bid = np.maximum(np.minimum(np.floor(exact * (1.0 - half_spread) + 1e-9), middle), 1.0)
    ask = np.maximum(np.maximum(np.ceil(exact * (1.0 + half_spread) - 1e-9), middle), bid + 1.0)
    return middle, bid, ask


def on_tick(price: float, tick: Decimal) -> Decimal:
    """Return a float price rounded to the tick, at least one tick."""
    return max(round(price / float(tick)), 1) * tick


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Return the largest multiple of `step` not above `value`."""
    return (value / step).to_integral_value(ROUND_DOWN) * step


def listing_scale(listing: Listing) -> int:
    """Return the digits after the point of the tick size (Bybit's priceScale)."""
    return decimals(listing.tick_size)


def decimals(step: Decimal) -> int:
    """Return the digits after the point that a step needs."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -int(exponent))
