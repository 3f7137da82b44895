"""Market data for paper trading: only the chosen symbols, and the strongest movers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from pumpwatch.domain.market.candles import CandleRequest, CandleSeries
from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot, OrderBook
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput, PumpwatchError
from pumpwatch.ports import MarketData
from pumpwatch_workbench.play.views.view import Mover

Fact = TypeVar("Fact")

MOVERS = 10
SHORTEST_LOOK = 50_000
"""Milliseconds between two looks whose prices are compared."""


class WatchedMarket:
    """The market that detection sees (MarketData port). `only` names its symbols, empty: all."""

    def __init__(self, market: MarketData, only: Sequence[str] = ()) -> None:
        self._market = market
        self._only = frozenset(only)
        self._before: dict[str, float] = {}
        self._looked = 0
        self._movers: tuple[Mover, ...] = ()

    def check(self) -> None:
        """Raise `BadInput` when the exchange does not list one of the chosen symbols."""
        unknown = sorted(self._only - self._market.watchlist().keys()) if self._only else []
        if unknown:
            raise BadInput(
                f"--symbols names {', '.join(unknown[:5])}, which the exchange does not trade as a"
                " USDT perpetual: look the name up there"
            )

    def movers(self) -> tuple[Mover, ...]:
        """Return the symbols that moved most between the last two looks, the strongest first."""
        return self._movers

    def time(self) -> int:
        return self._market.time()

    def snapshot(self, symbol: str = "") -> MarketSnapshot:
        seen = self._market.snapshot(symbol)
        if self._only:
            rows = [row for row, name in enumerate(seen.symbols) if name in self._only]
            values = {field.name: getattr(seen, field.name) for field in fields(seen)}
            columns: dict[str, Any] = {
                k: v[rows] for k, v in values.items() if isinstance(v, np.ndarray)
            }
            kept = tuple(seen.symbols[row] for row in rows)
            skipped = tuple(name for name in seen.skipped if name in self._only)
            seen = replace(seen, symbols=kept, skipped=skipped, **columns)
        if not symbol:
            self._compare(seen)
        return seen

    def watchlist(self) -> Mapping[str, str]:
        return self._chosen(self._market.watchlist())

    def instruments(self) -> Mapping[str, Instrument]:
        return self._chosen(self._market.instruments())

    def candles(
        self, requests: Sequence[CandleRequest]
    ) -> Mapping[str, CandleSeries | PumpwatchError]:
        return self._market.candles(requests)

    def recent_trades(self, symbols: Sequence[str]) -> Mapping[str, MarketTrades | PumpwatchError]:
        return self._market.recent_trades(symbols)

    def order_book(self, symbol: str) -> OrderBook:
        return self._market.order_book(symbol)

    def _chosen(self, listed: Mapping[str, Fact]) -> Mapping[str, Fact]:
        if not self._only:
            return listed
        return {symbol: fact for symbol, fact in listed.items() if symbol in self._only}

    def _compare(self, seen: MarketSnapshot) -> None:
        if seen.time - self._looked < SHORTEST_LOOK:
            return
        if seen.time - self._looked < 2 * MINUTE:
            before = np.array([self._before.get(symbol, np.nan) for symbol in seen.symbols])
            change = np.where(before > 0, seen.last_price / before - 1.0, 0.0)
            order = np.argsort(-np.abs(change), kind="stable")[:MOVERS]
            self._movers = tuple(
                Mover(seen.symbols[row], float(change[row]), float(seen.turnover_24h[row]))
                for row in order.tolist()
            )
        self._before = dict(zip(seen.symbols, seen.last_price.tolist(), strict=True))
        self._looked = seen.time
