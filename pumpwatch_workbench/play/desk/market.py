"""Market data for a desk, with the strongest movers of what it watches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import numpy as np

from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot, OrderBook
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch.ports import MarketData
from pumpwatch.settings.symbols import SymbolChoice
from pumpwatch_workbench.play.views.view import Mover

MOVERS = 10
SHORTEST_LOOK = 50_000
"""Milliseconds between two looks whose prices are compared."""


class WatchedMarket:
    """The market that detection sees (MarketData port); detection itself chooses its symbols."""

    def __init__(self, market: MarketData, choice: SymbolChoice) -> None:
        self._market = market
        self._choice = choice
        self._before: dict[str, float] = {}
        self._looked = 0
        self._movers: tuple[Mover, ...] = ()

    def check(self) -> None:
        """Raise `BadInput` when the exchange lists nothing by a name or pattern of the settings."""
        if self._choice == SymbolChoice():
            return
        if unlisted := self._choice.unlisted(self._market.watchlist()):
            raise BadInput(
                f"the symbols name {', '.join(unlisted[:5])}, which the exchange does not trade as"
                " a USDT perpetual: look the name up there"
            )

    def movers(self) -> tuple[Mover, ...]:
        """Return the symbols that moved most between the last two looks, the strongest first."""
        return self._movers

    def time(self) -> int:
        return self._market.time()

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        seen = self._market.snapshot(symbol)
        if not symbol:
            self._compare(seen)
        return seen

    def watchlist(self) -> Mapping[str, str]:
        return self._market.watchlist()

    def instruments(self) -> Mapping[str, Instrument]:
        return self._market.instruments()

    def candles(
        self, requests: Sequence[CandleRequest]
    ) -> Mapping[str, CandleSeries | PumpwatchError]:
        return self._market.candles(requests)

    def recent_trades(self, symbols: Sequence[str]) -> Mapping[str, MarketTrades | PumpwatchError]:
        return self._market.recent_trades(symbols)

    def order_book(self, symbol: str) -> OrderBook:
        return self._market.order_book(symbol)

    def _compare(self, seen: MarketSnapshot) -> None:
        if seen.time - self._looked < SHORTEST_LOOK:
            return
        if seen.time - self._looked < 2 * MINUTE:
            before = np.array([self._before.get(symbol, np.nan) for symbol in seen.symbols])
            change = np.where(before > 0, seen.last_price / before - 1.0, 0.0)
            order = np.argsort(-np.abs(change), kind="stable").tolist()
            watched = (row for row in order if self._choice.takes(seen.symbols[row]))
            self._movers = tuple(
                Mover(seen.symbols[row], float(change[row]), float(seen.turnover_24h[row]))
                for row in islice(watched, MOVERS)
            )
        self._before = dict(zip(seen.symbols, seen.last_price.tolist(), strict=True))
        self._looked = seen.time
