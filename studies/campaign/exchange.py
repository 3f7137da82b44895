"""The exchange of a world, and how a function instance reaches it: in process or over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Protocol, TypeVar

from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.endpoints import CREATE_ORDER
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.order_body import order_body
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.trading.access import Access
from pumpwatch.domain.trading.orders import Fill, OrderRequest, OrderStatus, Position, Side
from pumpwatch.domain.trading.rows import Rows, UnreadableRow
from pumpwatch.errors import UnreadableAnswer
from pumpwatch.ports import Broker, Deadline, ExchangeHealth, MarketData
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.in_process import (
    InProcessClock,
    InProcessMarketData,
    InProcessSession,
)
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.market_time import MarketTime
from pumpwatch_workbench.simulator.server import SimulatorServer
from pumpwatch_workbench.simulator.troubles.faults.catalogue import (
    EXECUTIONS,
    HISTORY,
    KINDS,
    ORDERS,
    POSITIONS,
)
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule

from .plan import ACCOUNT, Plan

GOOD_KEY = Access(ACCOUNT)
LONGEST_LAG = 9_000
"""Milliseconds; the settling time is ten seconds at least."""
BLIND_AFTER = 180_000
"""Milliseconds for which what the lists hid, or what was matched late, may be unknown to us."""
FAULT_RATE = 0.02
SLOW_ON_THE_WALL = frozenset({"drip"})
"""Faults that cost wall time, which a world has none of."""
REQUEST_SECONDS = 2.0
"""Wall time that a request over HTTP may take."""


class _OfSymbol(Protocol):
    @property
    def symbol(self) -> str: ...


Item = TypeVar("Item", bound=_OfSymbol)


class CampaignExchange(Exchange):
    """A simulated exchange on a stepped clock, and what a campaign does to its answers."""

    def __init__(self, plan: Plan) -> None:
        key = replace(credentials_from_seed(plan.seed), user_id=int(ACCOUNT))
        clock = MarketClock(start=plan.market.start, stepped=True)
        super().__init__(plan.market, clock, key, plan.exchange)
        self.lag_until = 0
        """Time until which lists lag."""
        self.blind_until = 0
        """Time until which limits may be exceeded by what nobody could know of."""
        self.match_after = 0
        """Milliseconds by which the next entry is matched late."""
        self.access = (GOOD_KEY, 0)
        """Rights of the key, and since when."""
        self.odd: dict[tuple[str, str], tuple[int, int]] = {}
        """Rows that cannot be read, by list and symbol: from when until when."""
        self.hedged: set[str] = set()
        """Symbols that a stranger holds in hedge mode."""
        self.touched: set[str] = set()
        """Symbols that somebody else has traded in."""
        self.untold: dict[str, int] = {}
        """Symbols whose executions are never listed any more, and since when."""
        self._late: list[tuple[int, OrderRequest]] = []

    @property
    def now(self) -> int:
        """Return the exchange's time, milliseconds UTC."""
        return self.engine.time

    def advance(self, milliseconds: int) -> None:
        """Let time pass, and match what is due."""
        to = self.now + milliseconds
        while self._late and self._late[0][0] <= to:
            due, request = self._late.pop(0)
            self._move(due - self.now)
            with suppress(Refused):
                self.ask("POST", CREATE_ORDER.path, order_body(request))
        self._move(to - self.now)

    def _move(self, milliseconds: int) -> None:
        self.conditions.note(self.engine.ledger)  # what lists that lag later on will show
        self.clock.advance_by(max(0, milliseconds))
        self.catch_up()

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
        self.lag_until = self.now + duration
        if deep:
            self.blind_until = self.lag_until + BLIND_AFTER
        little = milliseconds if deep else min(milliseconds, LONGEST_LAG)
        self.conditions.lag([POSITIONS], milliseconds, self.lag_until)
        self.conditions.lag([ORDERS, HISTORY, EXECUTIONS], little, self.lag_until)

    @property
    def lagging(self) -> bool:
        """Tell whether lists lag now."""
        return self.now < self.lag_until

    def is_dead(self, symbol: str) -> bool:
        """Tell whether nothing trades in a symbol now."""
        return self.market.is_halted(self.indices[symbol], self.now)

    def odd_symbols(self, source: str, symbol: str = "") -> list[str]:
        """Return the symbols whose rows of a list cannot be read now, of one symbol or of all."""
        return sorted(
            where
            for (which, where), (since, until) in self.odd.items()
            if which == source and symbol in ("", where) and since <= self.now < until
        )


class CampaignBroker(BybitBroker):
    """The exchange with odd rows, hedged strangers, executions untold and orders matched late."""

    def __init__(self, exchange: CampaignExchange, session: BybitSession) -> None:
        super().__init__(session, InProcessClock(exchange))
        self._exchange = exchange

    def positions(self, symbol: str = "") -> Rows[Position]:
        """Return the open positions, strangers in hedge mode among them."""
        exchange = self._exchange
        listed = super().positions(symbol)
        strangers = (_hedge(exchange, name) for name in exchange.hedged if symbol in ("", name))
        return self._odd("positions", Rows((*listed, *strangers), listed.unreadable), symbol)

    def open_orders(self) -> Rows[OrderStatus]:
        """Return every order that can still be filled."""
        return self._odd("open_orders", super().open_orders())

    def place(self, request: OrderRequest) -> str:
        """Send the order, or keep an entry that is to be matched late."""
        if self._exchange.match_after and not request.reduce_only:
            self._exchange.match_later(request)
            return f"late-{request.order_id}"
        return super().place(request)

    def find_order(self, symbol: str, order_id: str) -> OrderStatus | None:
        """Return the order with our id. Raises `UnreadableAnswer`."""
        if self._exchange.odd_symbols("order_history", symbol):
            raise UnreadableAnswer(f"the row of {order_id} cannot be read")
        return super().find_order(symbol, order_id)

    def fills(self, symbol: str, *, since: int) -> Rows[Fill]:
        """Return the symbol's executions as far as they are told."""
        listed = super().fills(symbol, since=since)
        until = self._exchange.untold.get(symbol)
        told = tuple(fill for fill in listed if until is None or fill.time <= until)
        return self._odd("executions", Rows(told, listed.unreadable), symbol)

    def access(self) -> Access:
        """Return what the key may do now."""
        return self._exchange.access[0]

    def _odd(self, source: str, rows: Rows[Item], symbol: str = "") -> Rows[Item]:
        odd = self._exchange.odd_symbols(source, symbol)
        unreadable = (UnreadableRow(source, where, "", "a field is odd") for where in odd)
        clear = (row for row in rows if row.symbol not in odd)
        return Rows(tuple(clear), (*rows.unreadable, *unreadable))


def _hedge(exchange: CampaignExchange, symbol: str) -> Position:
    price, size, zero = exchange.engine.mark(exchange.indices[symbol]), Decimal(1), Decimal(0)
    shown = (price, price, size, None, None, None, zero, exchange.now, exchange.now)
    return Position(symbol, Side.BUY, size, *shown, hedge=True)


@dataclass(frozen=True, slots=True)
class Connection:
    """One function instance's way to the exchange."""

    broker: Broker
    market: MarketData
    health: ExchangeHealth
    begin: Callable[[Deadline], None]
    """Start an invocation that ends at the deadline."""


def _connection(
    exchange: CampaignExchange, session: BybitSession, market: MarketData
) -> Connection:
    broker = CampaignBroker(exchange, session)
    return Connection(broker, market, session.health, session.start_run)


class InProcess:
    """Connections within this process: there is no wire that anything could go wrong on."""

    def __init__(self, plan: Plan) -> None:
        self.exchange = CampaignExchange(plan)
        session = InProcessSession(self.exchange)
        market = InProcessMarketData(self.exchange, session)
        self._connection = _connection(self.exchange, session, market)

    def connect(self) -> Connection:
        """Return a new instance's connection."""
        return self._connection

    def wire_faults(self) -> dict[str, int]:
        """Return what has gone wrong on the wire so far, counted by name."""
        return dict(self.exchange.injected)

    def calm(self) -> None:
        """Let nothing go wrong on the wire from now on."""

    def close(self) -> None:
        """End every connection."""


class OverHttp(InProcess):
    """Connections through pybit to a simulator on loopback, with faults drawn from the seed."""

    def __init__(self, plan: Plan) -> None:
        self.exchange = CampaignExchange(plan)
        self._seed = plan.seed
        kinds = [name for name in KINDS if name not in SLOW_ON_THE_WALL]
        self.exchange.faults = FaultSchedule(plan.seed, FAULT_RATE, kinds=kinds)
        self._server = SimulatorServer(self.exchange).start()
        self._sessions: list[BybitSession] = []

    def connect(self) -> Connection:
        """Return a connection on a session of its own."""
        (key,) = self.exchange.credentials.values()
        session = BybitSession(
            self._server.url,
            key=ExchangeKey(key.api_key, key.api_secret),
            timeout_seconds=REQUEST_SECONDS,
            exchange_time=MarketTime(),
            wait=lambda seconds: self.exchange.advance(round(seconds * 1000)),
        )
        self._sessions.append(session)
        return _connection(self.exchange, session, BybitMarketData(session))

    def calm(self) -> None:
        """Let the simulator inject nothing more; it goes on remembering what lists showed."""
        self.exchange.faults = FaultSchedule(self._seed, 0.0)

    def close(self) -> None:
        """End every session and the server."""
        for session in self._sessions:
            session.close()
        self._server.stop()
