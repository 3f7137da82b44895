"""A world's exchange: the simulator's engine, its clock, and how far its lists lag."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Protocol, TypeVar

from pumpwatch.adapters.bybit.orders import read_position
from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.orders import Position, Side
from pumpwatch.domain.trading.rows import Rows, UnreadableRow
from pumpwatch_workbench.simulator.endpoints.wire.rows import position_row
from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.engine.prices import Prices
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.engine.requests import OrderRequest
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.market.live_market import LiveMarket

from .market import CampaignMarket
from .plan import ACCOUNT

GOOD_KEY = Access(ACCOUNT)
LONGEST_LAG = 9_000
"""Milliseconds; the settling time is ten seconds at least."""
BLIND_AFTER = 180_000
"""Milliseconds for which what the lists hid, or what was matched late, may be unknown to us."""


class _OfSymbol(Protocol):
    @property
    def symbol(self) -> str: ...


Item = TypeVar("Item", bound=_OfSymbol)


class WorldExchange:
    """One exchange: its engine, its clock, and how far its lists lag."""

    def __init__(self, market: CampaignMarket, settings: ExchangeSettings) -> None:
        self.source = market
        self.market = LiveMarket(market)
        self.prices = Prices(self.market, settings)
        self.engine = Engine(self.market, self.prices, settings, market.start)
        self.indices = {listing.symbol: n for n, listing in enumerate(market.listings)}
        self.lag_ms = 0
        self.lag_until = 0
        self.longest_lag = LONGEST_LAG
        self.blind_until = 0
        """Until when limits may be exceeded by what nobody could know of."""
        self.match_after = 0
        """Milliseconds by which the next entry is matched late."""
        self.access = (GOOD_KEY, 0)
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

    def listed(self, source: str, items: Iterable[Item], symbol: str = "") -> Rows[Item]:
        """Return a list as rows of which some cannot be read now, of one symbol or of all."""
        odd = {
            where
            for (which, where), (since, until) in self.odd.items()
            if which == source and symbol in ("", where) and since <= self.now < until
        }
        clear = (one for one in items if one.symbol not in odd and symbol in ("", one.symbol))
        rows = (UnreadableRow(source, where, "", "a field is odd") for where in sorted(odd))
        return Rows(tuple(clear), tuple(rows))

    def positions(self) -> list[Position]:
        """Return the open positions, or what the list said before while it lags."""
        if self.lagging:
            before = [found for time, found in self._seen if time <= self.now - self.lag_ms]
            return before[-1] if before else []
        ledger = self.engine.ledger
        rows = (read_position(position_row(ledger, held, self.now)) for held in ledger.held())
        found = [row for row in rows if row is not None]
        for symbol in self.hedged:
            price, one, none = self.engine.mark(self.indices[symbol]), Decimal(1), Decimal(0)
            shown = (price, price, one, None, None, None, none, self.now, self.now)
            found.append(Position(symbol, Side.BUY, one, *shown, hedge=True))
        self._seen = [*self._seen[-9:], (self.now, found)]
        return found
