"""A world's exchange: the simulator's engine, its clock, and how far its lists lag."""

from __future__ import annotations

from pumpwatch.domain.orders import Position, Side
from workbench.simulator.engine.engine import Engine
from workbench.simulator.engine.records import Position as Held
from workbench.simulator.exchange_settings import ExchangeSettings
from workbench.simulator.live_market import LiveMarket
from workbench.simulator.prices import Prices

from .market import CampaignMarket

__all__ = ["LONGEST_LAG", "SIDES", "WorldExchange"]

SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}
LONGEST_LAG = 9_000
"""Milliseconds; the settling time is ten seconds at least."""


class WorldExchange:
    """One exchange: its engine, its clock, and how far its lists lag."""

    def __init__(self, market: CampaignMarket, settings: ExchangeSettings) -> None:
        self.source = market
        self.market = LiveMarket(market)
        self.prices = Prices(self.market)
        self.engine = Engine(self.market, self.prices, settings, market.start)
        self.indices = {listing.symbol: n for n, listing in enumerate(market.listings)}
        self.lag_ms = 0
        self.lag_until = 0
        self._seen: list[tuple[int, list[Position]]] = []

    @property
    def now(self) -> int:
        """Return the exchange's time, milliseconds UTC."""
        return self.engine.time

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.engine.advance(self.engine.time + milliseconds)

    def lag(self, milliseconds: int, duration: int) -> None:
        """Let lists answer what was so `milliseconds` ago, for a while.

        Orders and executions lag less than the settling time: Pumpwatch trusts in that. The list
        of positions may lag as long as it likes.
        """
        self.lag_ms, self.lag_until = milliseconds, self.now + duration

    @property
    def lagging(self) -> bool:
        """Tell whether lists lag now."""
        return self.now < self.lag_until

    def visible(self) -> int:
        """Return up to when the lists of orders and executions know what happened."""
        return self.now - min(self.lag_ms, LONGEST_LAG) if self.lagging else self.now

    def positions(self) -> list[Position]:
        """Return the open positions, or what the list said before while it lags."""
        if self.lagging:
            before = [found for time, found in self._seen if time <= self.now - self.lag_ms]
            return before[-1] if before else []
        found = [self._position(one) for one in self.engine.ledger.held()]
        self._seen = [*self._seen[-9:], (self.now, found)]
        return found

    def _position(self, held: Held) -> Position:
        ledger = self.engine.ledger
        mark, edge = self.engine.mark(held.index), ledger.liquidation_price(held)
        return Position(
            symbol=held.symbol,
            side=SIDES[held.side or ""],
            quantity=held.size,
            entry_price=held.entry_price,
            mark_price=mark,
            leverage=held.leverage,
            stop_loss=held.stop_loss,
            take_profit=held.take_profit,
            liquidation_price=edge if edge > 0 else None,
            unrealised_pnl=held.unrealised(mark),
            created=held.created,
            updated=held.updated,
            trailing_stop=held.trailing_stop,
        )
