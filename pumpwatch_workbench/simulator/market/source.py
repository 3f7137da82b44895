"""The interface of a simulated market, between price sources and the exchange.

Three sources implement it: `synthetic` (seeded random markets), `replay` (recorded candles) and
`polyline` (lines between given prices); `live_market` wraps one and lets things happen to it. The
exchange (`exchange`, `engine`) knows only this module, so a new source needs no change there.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

MINUTE_MS = 60_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Listing:
    """One contract of the simulated exchange, with the filters that `instruments-info` reports."""

    symbol: str
    base_coin: str
    tick_size: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    max_leverage: Decimal
    launch_time: int
    """Milliseconds UTC."""
    funding_interval_minutes: int = 480
    symbol_type: str = ""
    """Bybit's `symbolType`: empty for ordinary coins, else innovation, stock, commodity, ..."""
    contract_type: str = "LinearPerpetual"
    status: str = "Trading"
    settle_coin: str = "USDT"
    price_limit_ratios: tuple[Decimal, Decimal] | None = None
    """`priceLimitRatioX` and `priceLimitRatioY`, fractions of the mark price; None: as usual."""
    delivery_time: int = 0
    """Time of the delisting or delivery, milliseconds UTC; 0: no date."""


@dataclass(frozen=True, slots=True)
class PlantedEvent:
    """A pump that the market contains, for scoring detectors."""

    symbol: str
    onset: int
    """Milliseconds UTC."""
    peak: int
    """Milliseconds UTC."""
    size: float
    """Rise from the price before the onset to the peak, as a fraction."""
    announced: bool = False
    """True if it was agreed upon for a full or half hour."""


@dataclass(frozen=True, slots=True, eq=False)
class Minutes:
    """Complete one-minute candles of one symbol; every array is shaped (minutes,)."""

    open_time: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    """Base coin."""
    turnover: FloatArray
    """USDT."""


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades of one symbol, oldest first; every array is shaped (trades,)."""

    time: IntArray
    """Milliseconds UTC; the parts of one order share it."""
    bought: BoolArray
    """True where the taker bought."""
    price: FloatArray
    quantity: FloatArray
    """Base coin."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketView:
    """The whole market at one instant, as tickers report it; every array is shaped (symbols,).

    NaN in `last` marks a symbol that is not trading at that instant.
    """

    time: int
    last: FloatArray
    mark: FloatArray
    index: FloatArray
    high_24h: FloatArray
    low_24h: FloatArray
    price_24h_ago: FloatArray
    price_1h_ago: FloatArray
    volume_24h: FloatArray
    turnover_24h: FloatArray
    open_interest: FloatArray
    """Base coin."""
    funding_rate: FloatArray
    half_spread: FloatArray
    """Half the spread as a fraction of the price."""
    depth_usdt: FloatArray
    """Notional that rests within 0.1 % of the best price on each side."""
    next_funding: IntArray | None = None
    """Milliseconds UTC; None: the next multiple of each contract's funding interval."""


class Market(Protocol):
    """A source of prices. Every method is deterministic in its arguments (and the seed)."""

    @property
    def listings(self) -> tuple[Listing, ...]:
        """Return the contracts, sorted by symbol; the place in this tuple is their index."""

    @property
    def planted(self) -> tuple[PlantedEvent, ...]:
        """Return the pumps in the live part, ordered by onset."""

    @property
    def start(self) -> int:
        """Return the first instant that can be live, milliseconds UTC, on a full minute."""

    @property
    def end(self) -> int | None:
        """Return the last instant there are prices for, None when the market never ends."""

    def minutes(self, index: int, first: int, last: int) -> Minutes:
        """Return the complete candles with `first <= open_time <= last` (milliseconds UTC).

        Candles before the launch are absent. A candle is the same whenever it is asked for.
        """

    def forming(self, index: int, time: int) -> Minutes:
        """Return the one candle that contains `time`, as it stands at `time` (shape (1,))."""

    def price(self, index: int, time: int) -> float:
        """Return the last traded price at `time`; NaN when the symbol is not trading."""

    def prices(self, time: int) -> FloatArray:
        """Return the last traded price of every symbol at `time`, as `price` does."""

    def path(self, index: int, start: int, end: int) -> tuple[IntArray, FloatArray]:
        """Return the knots (times, prices) of the price's line over [start, end], ends included.

        Times never decrease; two knots at one instant are a jump.

        Stops, targets, liquidations and resting orders are tested along this line.
        """

    def trades(self, index: int, first: int, end: int) -> Trades:
        """Return the trades from `first` to `end` (both included, milliseconds UTC).

        Those of a complete minute give its candle; they are the same whenever they are asked for.
        """

    def view(self, time: int) -> MarketView:
        """Return every symbol at `time`, consistent with `minutes`, `forming` and `price`."""

    def funding_times(self, index: int, start: int, end: int) -> list[tuple[int, float]]:
        """Return (time, rate) of the funding payments with `start < time <= end`."""

    def side_against(self, index: int, side: str | None) -> None:
        """Tell which side ("Buy", "Sell" or None) holds a position in the symbol.

        A source without trades inside the minute visits that side's worse extreme first. Synthetic
        markets ignore it.
        """


def quantities(price: float, daily_turnover: float, step: Decimal) -> dict[str, Any]:
    """Return step, least and largest quantities, fields of a `Listing`.

    The largest order is worth 2 % of a day's turnover, at least 20,000 USDT.
    """
    largest = (Decimal(round(max(daily_turnover * 0.02, 20_000.0) / price)) // step + 1) * step
    return {
        "quantity_step": step,
        "min_quantity": step,
        "max_quantity": largest,
        "max_market_quantity": max(largest / 4 // step * step, step),
    }
