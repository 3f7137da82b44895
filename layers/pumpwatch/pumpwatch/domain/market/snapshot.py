"""The exchange's market data: instruments, a snapshot of all symbols, the order book."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from .candles import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable contract. Prices and notionals in USDT, quantities in the base coin."""

    symbol: str
    tick_size: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    max_leverage: Decimal
    """1 where the exchange does not say: every contract allows that."""
    launch_time: int
    """Milliseconds UTC; 0 where the exchange does not say."""
    symbol_type: str = ""
    """The exchange's own class: empty for coins, else innovation, stock, commodity, forex, ..."""
    funding_interval_minutes: int = 480
    """0 where the exchange does not say."""
    max_quantity: Decimal | None = None
    """Largest limit order; `max_market_quantity` is the largest market order."""
    price_limit_ratio: Decimal | None = None
    """Largest distance of an order's price from the mark price, as a fraction of it."""
    delivery_time: int | None = None
    """Time at which the contract is delisted and settled, milliseconds UTC; None: no such date."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketSnapshot:
    """The whole market from one tickers request; every array is shaped (symbols,).

    Prices in USDT, `volume_24h` in base coins, `turnover_24h` in USDT, `funding_rate` as a fraction
    per funding, `next_funding` in milliseconds UTC. A symbol without a sound last price, 24-hour
    high, low, volume or turnover is left out and named in `skipped`; anything else that is missing
    or impossible is NaN (0 in `next_funding`).
    """

    time: int
    """The exchange's own time, milliseconds UTC."""
    symbols: tuple[str, ...]
    last_price: FloatArray
    mark_price: FloatArray
    high_24h: FloatArray
    low_24h: FloatArray
    volume_24h: FloatArray
    turnover_24h: FloatArray
    funding_rate: FloatArray
    next_funding: IntArray
    skipped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Best levels of one symbol's book: (price, quantity), best first. Either side can be empty."""

    symbol: str
    time: int
    bids: tuple[tuple[Decimal, Decimal], ...]
    asks: tuple[tuple[Decimal, Decimal], ...]
