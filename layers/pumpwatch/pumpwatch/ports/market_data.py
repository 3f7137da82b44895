"""The exchange's public side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pumpwatch.domain.market.candles import CandleSeries
    from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot, OrderBook
    from pumpwatch.domain.market.trades import MarketTrades
    from pumpwatch.errors import PumpwatchError

__all__ = ["CandleRequest", "MarketData"]


@dataclass(frozen=True, slots=True)
class CandleRequest:
    """Candles of one symbol from `start` to `end`, both open times, both included."""

    symbol: str
    interval: int
    start: int
    end: int


class MarketData(Protocol):
    """The exchange's public side."""

    def time(self) -> int:
        """Return the exchange's time with one light request; it also warms the connection."""

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        """Return the whole market from one request. Impossible rows are skipped and named.

        `symbol` says that one symbol is wanted: others may be left out then. One that the exchange
        does not know has no row.
        """

    def watchlist(self) -> Mapping[str, str]:
        """Return the class of every USDT perpetual, whether its terms can be read or not."""

    def instruments(self) -> Mapping[str, Instrument]:
        """Return every tradable USDT perpetual whose terms can be read, by symbol, all pages."""

    def candles(
        self, requests: Sequence[CandleRequest]
    ) -> Mapping[str, CandleSeries | PumpwatchError]:
        """Return what each request gave: the series, or the error that concerns this symbol alone.

        A range of more than 1,000 candles takes several calls to the exchange.
        """

    def recent_trades(self, symbols: Sequence[str]) -> Mapping[str, MarketTrades | PumpwatchError]:
        """Return each symbol's last trades, or the error that concerns this symbol alone.

        One request a symbol. An exchange shows so many trades and no more: `MarketTrades.since`
        says from when on they are all there.
        """

    def order_book(self, symbol: str) -> OrderBook:
        """Return the best levels of the book."""
