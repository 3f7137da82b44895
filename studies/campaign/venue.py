"""Where a world's orders go: the engine in process, or a simulator over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from pumpwatch.domain.trading.protections import Health
from pumpwatch.ports import Broker, Deadline, ExchangeHealth, MarketData
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings

from .engine_ports import EngineBroker, EngineMarketData
from .exchange import WorldExchange
from .plan import Plan

SETTINGS = ExchangeSettings(default_leverage=Decimal(10), rate_limits=False)


@dataclass(frozen=True, slots=True)
class Connection:
    """One function instance's way to the exchange."""

    broker: Broker
    market: MarketData
    health: ExchangeHealth
    begin: Callable[[Deadline], None]
    """Begins an invocation that ends at the deadline."""


class Venue(Protocol):
    """An exchange that functions can connect to."""

    lacks: frozenset[str]
    """Kinds of trouble that cannot be had there."""

    @property
    def exchange(self) -> WorldExchange:
        """Return the exchange itself, for the world that moves it and the promise that checks."""

    def connect(self) -> Connection:
        """Return a new instance's connection."""

    def troubles(self) -> dict[str, int]:
        """Return what has gone wrong on the wire so far, counted by name."""

    def calm(self) -> None:
        """Let nothing go wrong on the wire from now on."""

    def close(self) -> None:
        """End every connection."""


class _GoodHealth:
    def recent(self, now: int) -> Health:
        return Health()


class EngineVenue:
    """The simulator's engine in process: no wire that anything could go wrong on."""

    lacks: frozenset[str] = frozenset()

    def __init__(self, plan: Plan) -> None:
        self.exchange = WorldExchange(plan.market, plan.exchange)

    def connect(self) -> Connection:
        """Return ports straight on the engine."""
        return Connection(
            EngineBroker(self.exchange),
            EngineMarketData(self.exchange),
            _GoodHealth(),
            lambda deadline: None,
        )

    def troubles(self) -> dict[str, int]:
        """Return nothing."""
        return {}

    def calm(self) -> None:
        """Do nothing: there is no wire."""

    def close(self) -> None:
        """Do nothing: there is no connection."""
