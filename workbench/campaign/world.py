"""One world from its first tick to its last."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from pumpwatch.adapters.memory import (
    MemoryHaltStore,
    MemoryJournal,
    MemoryLeaseStore,
    MemoryLockStore,
    MemorySignalStore,
)
from pumpwatch.domain.protections import Health
from pumpwatch.errors import PumpwatchError
from pumpwatch.usecases.trade_signals import TradeSignals
from workbench.simulator.exchange_settings import ExchangeSettings
from workbench.simulator.incidents import Incident, IncidentError, apply_incident

from .exchange import EngineBroker, EngineMarketData, WorldExchange
from .plan import ACCOUNT, INCIDENTS, QUIET_TICKS, START, Plan, Trouble, plan_for
from .promise import Broken, Promise
from .weather import TIME_LIMIT, Killed, Run, Weather

__all__ = ["World", "WorldResult", "play"]

MINUTE = 60_000
STALE = 100_000
"""Milliseconds by which a late invocation is too late to enter."""
ON_OURS = frozenset(
    {
        "auto_deleverage",
        "delist",
        "drop_stop",
        "funding",
        "halt_symbol",
        "liquidate",
        "manual_close",
    }
)
"""Incidents that look for a position."""
COLD_EVERY = 3
"""Every so many invocations the function starts anew."""


@dataclass(slots=True)
class WorldResult:
    """What became of a world; `broken` is empty when the promise held."""

    seed: int
    ticks: int = 0
    symbols: int = 0
    signals: int = 0
    entries: int = 0
    closed: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    broken: str = ""
    tick: int = 0
    trace: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Tick:
    scheduled_time: int
    execution_id: str


class _Deadline:
    def __init__(self, world: World, started: int) -> None:
        self._world, self._started = world, started

    def seconds_left(self) -> float:
        return (self._started + TIME_LIMIT - self._world.exchange.now) / 1000


class _Clock:
    def __init__(self, exchange: WorldExchange) -> None:
        self._exchange = exchange

    def now(self) -> int:
        return self._exchange.now


class _GoodHealth:
    def recent(self, now: int) -> Health:
        return Health()


class World:
    """The exchange, the stores and the function of one seed."""

    def __init__(self, plan: Plan, *, traced: bool = False) -> None:
        self.plan = plan
        self.exchange = WorldExchange(
            plan.market, ExchangeSettings(default_leverage=Decimal(10), rate_limits=False)
        )
        self.leases = MemoryLeaseStore(lambda: self.exchange.now / 1000)
        self.journal = MemoryJournal(self.leases)
        self.signals = MemorySignalStore()
        self.promise = Promise(plan, self.exchange, self.journal)
        self.weather = Weather(self.exchange, self.promise, self._invoke_beside)
        self.result = WorldResult(plan.seed, plan.ticks, len(plan.market.listings))
        self._traced = traced
        self._runs = 0
        self._ports: dict[str, Any] = {
            name: self.weather.wrap(name, port)
            for name, port in {
                "broker": EngineBroker(self.exchange, ACCOUNT),
                "market": EngineMarketData(self.exchange),
                "journal": self.journal,
                "signals": self.signals,
                "leases": self.leases,
                "halts": MemoryHaltStore(),
                "locks": MemoryLockStore(),
            }.items()
        }
        self._warm: TradeSignals | None = None
        self._halted: set[str] = set()

    def play(self) -> WorldResult:
        """Play every tick and return what became of it."""
        try:
            for tick in range(self.plan.ticks):
                self.result.tick = tick
                self._tick(tick)
            self.promise.check_end()
        except Broken as broken:
            self.result.broken = str(broken)
        self.result.struck = self.weather.struck
        self.result.signals = len({signal.signal_id for _, signal in self.plan.signals})
        trades = self.journal.trades_since(0)
        self.result.entries = sum(trade.entry_price is not None for trade in trades)
        self.result.closed = sum(trade.exit_time is not None for trade in trades)
        return self.result

    # --- a tick --------------------------------------------------------------------------

    def _tick(self, number: int) -> None:
        due = START + number * MINUTE + self.plan.offset
        self.promise.begin()
        troubles = [one for one in self.plan.troubles if one.tick == number]
        self.exchange.advance(max(0, due - self.exchange.now))
        if number >= self.plan.ticks - QUIET_TICKS:
            self._calm_down()
        for trouble in troubles:
            if trouble.kind in INCIDENTS:
                self._happen(trouble)
        for tick, signal in self.plan.signals:
            if tick == number and signal.time <= self.exchange.now:
                self.signals.publish(signal)
                self._note(f"signal {signal.symbol} {signal.phase}")
        mine = [one for one in troubles if one.kind not in INCIDENTS]
        kinds = {one.kind for one in mine}
        strikes = [one for one in mine if one.kind not in ("duplicate", "late")]
        for kind in kinds & {"duplicate", "late"}:
            self.weather.struck[kind] += 1
        late = "late" in kinds
        completed = self._invoke(f"tick-{number}", due - (STALE if late else 0), strikes)
        if "duplicate" in kinds:
            completed = self._invoke(f"tick-{number}", due, [])
        self.promise.check(completed=completed, looked=self._looked)

    _looked = 0

    def _invoke(self, name: str, scheduled: int, troubles: list[Trouble]) -> bool:
        """Run the function once; return whether it came to its end under its lease."""
        run = Run(name, self.exchange.now, list(troubles))
        self.weather.runs.append(run)
        use_case = self._use_case(nested=len(self.weather.runs) > 1)
        try:
            report = use_case.run(_Tick(scheduled, name), _Deadline(self, run.started))
        except Killed:
            self._note(f"{name} was killed at call {run.calls}")
            return False
        except PumpwatchError as error:
            self._note(f"{name}: {type(error).__name__}: {error}")
            return False
        finally:
            self.weather.runs.pop()
            self._looked = run.started
            if run.dead:
                self._warm = None
        for one in report.happenings:
            self._note(f"{name}: {one.kind} {one.symbol} {one.text}")
        return not report.busy

    def _invoke_beside(self, name: str) -> None:
        self._runs += 1
        self._invoke(f"{name}-{self._runs}", self.exchange.now, [])

    def _use_case(self, *, nested: bool) -> TradeSignals:
        self._runs += 1
        if nested:
            return self._cold()
        if self._warm is None or self._runs % COLD_EVERY == 0:
            self._warm = self._cold()
        return self._warm

    def _cold(self) -> TradeSignals:
        return TradeSignals(
            **self._ports,
            health=_GoodHealth(),
            clock=_Clock(self.exchange),
            settings=self.plan.settings,
            wait=lambda seconds: self.exchange.advance(round(seconds * 1000)),
        )

    # --- incidents -----------------------------------------------------------------------

    def _happen(self, trouble: Trouble) -> None:
        symbol = self._symbol_for(trouble)
        if symbol is None:
            return
        incident = _incident(trouble, symbol, self.exchange)
        try:
            apply_incident(self.exchange.engine, incident)
        except IncidentError as error:
            self._note(f"{trouble.kind} could not happen: {error}")
            return
        if trouble.kind == "halt_symbol":
            self._halted.add(symbol)
        self.weather.struck[trouble.kind] += 1
        self.promise.happened(trouble.kind, symbol)
        self._note(f"{trouble.kind} {symbol}")

    def _symbol_for(self, trouble: Trouble) -> str | None:
        """Return a symbol that the incident matters to: one that is held, or is about to be."""
        held = sorted(one.symbol for one in self.exchange.engine.ledger.held())
        if trouble.kind in ON_OURS and not held:
            return None
        soon = [
            s.symbol for tick, s in self.plan.signals if trouble.tick <= tick <= trouble.tick + 1
        ]
        known = [symbol for symbol in soon if symbol in self.exchange.indices]
        pool = held if trouble.kind in ON_OURS else held + known
        if not pool:
            pool = sorted(self.exchange.indices)
        return pool[int(trouble.size * len(pool))]

    def _calm_down(self) -> None:
        for symbol in sorted(self._halted):
            apply_incident(self.exchange.engine, Incident("resume_symbol", symbol))
        self._halted.clear()

    def _note(self, text: str) -> None:
        if self._traced:
            seconds = (self.exchange.now - START) / 1000
            self.result.trace.append(f"{seconds:9.2f} s  {text}")


def _incident(trouble: Trouble, symbol: str, exchange: WorldExchange) -> Incident:
    """Return the incident with figures that suit the symbol."""
    index, size = exchange.indices[symbol], Decimal(repr(round(trouble.size, 3)))
    listing = exchange.market.listings[index]
    held = exchange.engine.ledger.position(index).size
    part = held * size if size < Decimal("0.6") else None
    if trouble.kind in ("auto_deleverage", "manual_close"):
        return Incident(trouble.kind, symbol, quantity=part)
    if trouble.kind == "price_gap":
        return Incident(trouble.kind, symbol, fraction=size * Decimal("0.6") - Decimal("0.25"))
    if trouble.kind == "funding":
        return Incident(trouble.kind, symbol, fraction=size * Decimal("0.04") - Decimal("0.03"))
    if trouble.kind == "partial_fill":
        return Incident(trouble.kind, symbol, fraction=max(Decimal("0.01"), size))
    if trouble.kind == "refuse_stop":
        return Incident(trouble.kind, symbol, times=1 + int(3 * trouble.size))
    if trouble.kind == "change_filters":
        factor = 5 if trouble.size < 0.5 else 10  # noqa: PLR2004
        return Incident(
            trouble.kind,
            symbol,
            quantity_step=listing.quantity_step * factor,
            min_quantity=listing.quantity_step * factor,
            min_notional=listing.min_notional * 2,
        )
    return Incident(trouble.kind, symbol)


def play(seed: int, *, traced: bool = False) -> WorldResult:
    """Play the world of a seed."""
    return World(plan_for(seed), traced=traced).play()
