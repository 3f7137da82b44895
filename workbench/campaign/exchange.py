"""A world's exchange: the simulator's engine, its clock, and how far its lists lag."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch.domain.access import Access
from pumpwatch.domain.orders import Position, Side
from pumpwatch.domain.rows import UnreadableRow
from workbench.simulator.engine.engine import Engine
from workbench.simulator.engine.records import Position as Held
from workbench.simulator.engine.requests import OrderRequest
from workbench.simulator.exchange_settings import ExchangeSettings
from workbench.simulator.live_market import LiveMarket
from workbench.simulator.prices import Prices
from workbench.simulator.refusals import Refused

from .market import CampaignMarket
from .plan import ACCOUNT

__all__ = ["LONGEST_LAG", "SIDES", "WorldExchange"]

HOUR = 3_600_000
BLIND_AFTER = 180_000
"""Milliseconds for which what the lists hid, or what was matched late, may be unknown to us."""

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
        self.longest_lag = LONGEST_LAG
        self.blind_until = 0
        """Until when limits may be exceeded by what nobody could know of."""
        self.match_after = 0
        """Milliseconds by which the next entry is matched late."""
        self.access = (Access(ACCOUNT), 0)
        """What the key may do, and since when."""
        self.odd: dict[tuple[str, str], tuple[int, int]] = {}
        """Rows that cannot be read, by list and symbol: from when until when."""
        self.hedged: set[str] = set()
        """Symbols that a stranger holds in hedge mode."""
        self.touched: set[str] = set()
        """Symbols that somebody else has traded in."""
        self.untold: dict[str, int] = {}
        """Symbols whose executions are never listed any more, and since when."""
        self._late: list[tuple[int, OrderRequest]] = []
        self._seen: list[tuple[int, list[Position]]] = []

    @property
    def now(self) -> int:
        """Return the exchange's time, milliseconds UTC."""
        return self.engine.time

    def advance(self, milliseconds: int) -> None:
        """Let time pass, and match what is due."""
        to = self.engine.time + milliseconds
        while self._late and self._late[0][0] <= to:
            due, request = self._late.pop(0)
            self.engine.advance(due)
            try:
                self.engine.create(request)
            except Refused:
                continue
        self.engine.advance(to)

    def match_later(self, request: OrderRequest) -> None:
        """Take an order that is matched only after a while, and shows nowhere until then."""
        self._late.append((self.now + self.match_after, request))
        self.match_after = 0
        self.blind_until = self._late[-1][0] + BLIND_AFTER

    def lag(self, milliseconds: int, duration: int, *, deep: bool = False) -> None:
        """Let lists answer what was so `milliseconds` ago, for a while.

        Orders and executions lag less than the settling time, unless deeply. The list of positions
        may lag as long as it likes.
        """
        self.lag_ms, self.lag_until = milliseconds, self.now + duration
        self.longest_lag = milliseconds if deep else LONGEST_LAG
        if deep:
            self.blind_until = self.lag_until + BLIND_AFTER

    @property
    def lagging(self) -> bool:
        """Tell whether lists lag now."""
        return self.now < self.lag_until

    def visible(self) -> int:
        """Return up to when the lists of orders and executions know what happened."""
        return self.now - min(self.lag_ms, self.longest_lag) if self.lagging else self.now

    def is_dead(self, symbol: str) -> bool:
        """Tell whether nothing trades in a symbol now."""
        return self.market.is_halted(self.indices[symbol], self.now)

    def is_odd(self, source: str, symbol: str) -> bool:
        """Tell whether a symbol's rows of a list cannot be read now."""
        since, until = self.odd.get((source, symbol), (0, 0))
        return since <= self.now < until

    def unreadable(self, source: str, symbol: str = "") -> tuple[UnreadableRow, ...]:
        """Return the rows of a list that cannot be read now."""
        return tuple(
            UnreadableRow(source, where, "", "a field is odd")
            for which, where in self.odd
            if which == source and symbol in ("", where) and self.is_odd(source, where)
        )

    def strangers(self) -> list[Position]:
        """Return the positions in hedge mode, which the engine knows nothing of."""
        return [
            Position(
                symbol=symbol,
                side=Side.BUY,
                quantity=Decimal(1),
                entry_price=(mark := self.engine.mark(self.indices[symbol])),
                mark_price=mark,
                leverage=Decimal(1),
                stop_loss=None,
                take_profit=None,
                liquidation_price=None,
                unrealised_pnl=Decimal(0),
                created=self.now - HOUR,
                updated=self.now,
                hedge=True,
            )
            for symbol in sorted(self.hedged)
        ]

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
