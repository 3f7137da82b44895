"""A world's exchange behind HTTP: pybit and the production adapters, faults on the wire."""

from __future__ import annotations

from dataclasses import replace

from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession, ExchangeClock
from pumpwatch.credentials import ExchangeKey
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.exchange import Exchange
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
from pumpwatch_workbench.simulator.troubles.faults.plan import Call, Fault
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule

from .exchange import WorldExchange
from .market import CampaignMarket
from .plan import ACCOUNT, PEOPLE, Plan
from .venue import SETTINGS, Connection

FAULT_RATE = 0.02
SLOW_ON_THE_WALL = frozenset({"drip"})
"""Faults that cost wall time, which a world has none of."""
PATIENCE = 2.0
"""Seconds of wall time that a request may take."""


class ServedExchange(WorldExchange):
    """The exchange of a simulator: requests move its clock too, in the server's own thread."""

    def __init__(self, market: CampaignMarket, served: Exchange) -> None:
        super().__init__(market, SETTINGS)
        self.served = served
        self.market, self.prices, self.engine = served.market, served.prices, served.engine

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        self.served.clock.advance_by(milliseconds)
        self.served.catch_up()

    def lag(self, milliseconds: int, duration: int, *, deep: bool = False) -> None:
        """Let lists answer what was so `milliseconds` ago, orders and executions mostly less."""
        super().lag(milliseconds, duration, deep=deep)
        little = min(milliseconds, self.longest_lag)
        for lists, by in (((POSITIONS,), milliseconds), ((ORDERS, HISTORY, EXECUTIONS), little)):
            fault = Fault("stale", lag_ms=by, lasts_ms=duration, lists=lists)
            call = Call("GET", lists[0], 0, self.now)
            self.served.conditions.begin(fault, call, -1, self.engine.ledger)


class ServedVenue:
    """A simulator on a free port of the loopback address, with faults drawn from the seed."""

    lacks = frozenset({*PEOPLE, "late_match"} - {"halt", "halt_closing", "move_stop"})

    def __init__(self, plan: Plan, *, fault_rate: float = FAULT_RATE) -> None:
        self._key = replace(credentials_from_seed(plan.seed), user_id=int(ACCOUNT))
        self._seed = plan.seed
        kinds = [name for name in KINDS if name not in SLOW_ON_THE_WALL]
        served = Exchange(
            plan.market,
            MarketClock(start=plan.market.start, stepped=True),
            self._key,
            SETTINGS,
            faults=FaultSchedule(plan.seed, fault_rate, kinds=kinds),
        )
        self.exchange = ServedExchange(plan.market, served)
        self._server = SimulatorServer(served).start()
        self._sessions: list[BybitSession] = []

    def connect(self) -> Connection:
        """Return the production adapters on a session of their own."""
        session = BybitSession(
            self._server.url,
            key=ExchangeKey(self._key.api_key, self._key.api_secret),
            timeout_seconds=PATIENCE,
            exchange_time=MarketTime(),
            wait=lambda seconds: self.exchange.advance(round(seconds * 1000)),
        )
        self._sessions.append(session)
        return Connection(
            BybitBroker(session, ExchangeClock(session)),
            BybitMarketData(session),
            session.health,
            session.start_run,
        )

    def troubles(self) -> dict[str, int]:
        """Return the faults that the simulator has injected so far."""
        return dict(self.exchange.served.injected)

    def calm(self) -> None:
        """Let the simulator inject nothing more; it goes on remembering what lists showed."""
        self.exchange.served.faults = FaultSchedule(self._seed, 0.0)

    def close(self) -> None:
        """End every session and the server."""
        for session in self._sessions:
            session.close()
        self._server.stop()
