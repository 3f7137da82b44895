"""What the exchange quotes: market views cached by time, best prices on the tick, books, marks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

import numpy as np

from workbench.simulator.engine.book import DEPTH_BAND, SPACING, WEIGHTS, Book
from workbench.simulator.market import DAY_MS, MINUTE_MS, FloatArray, Listing, Market, MarketView

KEPT_VIEWS = 4
HALTED_HALF_SPREAD = 0.001


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Best prices and sizes of the whole market; arrays shaped (symbols,), prices in ticks."""

    last: FloatArray
    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray


class Prices:
    """Answer price questions about one market, cheaply when asked again for the same instant."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._views: dict[int, tuple[MarketView, Quotes]] = {}
        self._ratios: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._known: dict[int, float] = {}
        self.forget()

    def forget(self) -> None:
        """Drop what was worked out: something has happened to the market at this very instant."""
        listings = self.market.listings
        self.ticks: FloatArray = np.array([float(item.tick_size) for item in listings])
        self.steps: FloatArray = np.array([float(item.quantity_step) for item in listings])
        self._views.clear()
        self._ratios.clear()

    def view(self, time: int) -> tuple[MarketView, Quotes]:
        """Return the market and its best prices at `time`."""
        found = self._views.get(time)
        if found is None:
            view = self.market.view(time)
            found = view, self._quotes(view)
            while len(self._views) >= KEPT_VIEWS:
                self._views.pop(next(iter(self._views)))
            self._views[time] = found
        return found

    def is_trading(self, index: int, time: int) -> bool:
        """Tell whether the symbol has a price at `time`."""
        return not math.isnan(self.market.price(index, time))

    def last(self, index: int, time: int) -> Decimal:
        """Return the last price on the tick; of a halted symbol the last one there was."""
        return on_tick(self._price(index, time), self.market.listings[index].tick_size)

    def mark(self, index: int, time: int) -> Decimal:
        """Return the mark price on the tick: the last price times the minute's ratio."""
        price = self._price(index, time) * self.ratio(index, time, "MarkPrice")
        return on_tick(price, self.market.listings[index].tick_size)

    def ratio(self, index: int, time: int, kind: str) -> float:
        """Return mark (or index) over last price at the start of the minute, 1 for LastPrice.

        Within a minute the mark keeps this ratio, so that its path follows from the last price's.
        """
        if kind not in {"MarkPrice", "IndexPrice"}:
            return 1.0
        minute = max(time // MINUTE_MS * MINUTE_MS, self.market.start)
        found = self._ratios.get(minute)
        if found is None:
            view = self.market.view(minute)
            found = view.mark / view.last, view.index / view.last
            self._ratios.clear()
            self._ratios[minute] = found
        value = float(found[0 if kind == "MarkPrice" else 1][index])
        return value if math.isfinite(value) else 1.0

    def half_spread(self, index: int, time: int) -> float:
        """Return half the spread as a fraction of the price."""
        return _number(self.view(time)[0].half_spread[index], HALTED_HALF_SPREAD)

    def book(self, index: int, time: int, last: float | None = None) -> Book:
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
        return Book(
            listing=listing,
            last=int(middle) * tick,
            best_bid=int(bid) * tick,
            best_ask=int(ask) * tick,
            depth=Decimal(repr(round(depth, 2))),
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
