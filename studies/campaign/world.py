"""One world from its first tick to its last."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from pumpwatch.bootstrap.lease import RunLease
from pumpwatch.bootstrap.trade import trade_lease
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import PumpwatchError
from pumpwatch.invocation import Tick
from pumpwatch.own.strategies import own_strategy
from pumpwatch.usecases.trade.run import Ports
from pumpwatch.usecases.trade.trade_signals import TradeSignals
from pumpwatch_workbench.simulator.troubles.forms import TroubleError
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident
from pumpwatch_workbench.simulator.troubles.incidents.kinds import apply_incident

from .call_faults import ENDURING, CallFaults
from .entry_rules import Facts
from .exchange import CampaignExchange, Connection, InProcess
from .incidents import incident_for, symbol_for
from .invariants import Invariants, Violation
from .people import People
from .plan import (
    INCIDENTS,
    PEOPLE,
    QUIET_TICKS,
    START,
    TIME_LIMIT,
    Plan,
    PlannedRun,
    Trouble,
    plan_for,
)
from .stores import Killed, WorldStores

# A lease that is lost or cannot be released is one of the troubles: its warning is no news here.
for _quiet in ("pumpwatch.bootstrap.lease", "pumpwatch.own", "pumpwatch_workbench.local.store"):
    logging.getLogger(_quiet).addHandler(logging.NullHandler())

LATEST = 200
"""Seconds by which an invocation can be late; half as many are too many to enter."""
WHOLE_INVOCATIONS = frozenset({"clock_doubt", "clock_frozen", "duplicate", "late"})
ELSEWHERE = frozenset({*INCIDENTS, *PEOPLE, *ENDURING, *WHOLE_INVOCATIONS})
"""Troubles of an invocation as a whole; the others strike one of its calls."""
COLD_EVERY = 3
"""Every so many invocations the function starts anew."""


@dataclass(slots=True)
class WorldResult:
    """Outcome of a world; `broken` is empty when every invariant held."""

    seed: int
    stores: str = ""
    ticks: int = 0
    symbols: int = 0
    signals: int = 0
    entries: int = 0
    closed: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    broken: str = ""
    tick: int = 0
    trace: list[str] = field(default_factory=list)


class _Deadline:
    def __init__(self, exchange: CampaignExchange, started: int) -> None:
        self._exchange, self._ends = exchange, started + TIME_LIMIT

    def seconds_left(self) -> float:
        return (self._ends - self._exchange.now) / 1000


class _Clock:
    """The exchange's time, which the run that asks may be in doubt of or see stand still."""

    def __init__(self, exchange: CampaignExchange, runs: list[PlannedRun]) -> None:
        self._exchange, self._runs = exchange, runs

    def now(self) -> int:
        run = self._runs[-1]
        return run.started if run.frozen else self._exchange.now

    def earliest(self) -> int:
        return self.now()

    def doubt(self) -> str:
        return self._runs[-1].doubt


@dataclass(frozen=True, slots=True)
class _Instance:
    use_case: TradeSignals
    connection: Connection
    lease: RunLease
    made: int


class World:
    """The exchange, the stores and the function of one seed."""

    def __init__(
        self, plan: Plan, connections: InProcess, stores: WorldStores, *, traced: bool = False
    ) -> None:
        self.plan = plan
        own_strategy.cache_clear()  # one that hangs is off for a process
        self.connections = connections
        self.exchange = connections.exchange
        self.stores = stores
        facts = Facts(plan, self.exchange, stores)
        self.people = People(facts)
        self.invariants = Invariants(facts, self.people)
        self.faults = CallFaults(
            self.exchange,
            self.invariants,
            self._invoke_beside,
            stores=stores,
            timeout=plan.settings.request_timeout_seconds,
        )
        self.result = WorldResult(plan.seed, stores.kind, plan.ticks, len(plan.market.listings))
        self._traced = traced
        self._number = 0
        self._warm: _Instance | None = None
        self._halted: set[str] = set()
        self._postponed: list[Trouble] = []
        self._looked = 0

    def play(self) -> WorldResult:
        """Play every tick and return what became of it."""
        try:
            for tick in range(self.plan.ticks):
                self.result.tick = tick
                self._tick(tick)
            self.invariants.check_end()
        except Violation as broken:
            self.result.broken = str(broken)
        self.result.struck = self.faults.struck + Counter(self.connections.wire_faults())
        self.result.signals = len({signal.signal_id for _, signal in self.plan.signals})
        trades = self.stores.beside.journal.trades_since(0)
        self.result.entries = sum(trade.entry_price is not None for trade in trades)
        self.result.closed = sum(trade.exit_time is not None for trade in trades)
        return self.result

    # --- a tick --------------------------------------------------------------------------

    def _tick(self, number: int) -> None:
        due = START + number * MINUTE + self.plan.offset
        self.invariants.begin()
        self.exchange.advance(max(0, due - self.exchange.now))
        self.people.wait()
        if number >= self.plan.ticks - QUIET_TICKS:
            self._calm_down()
        due_now = [trouble for trouble in self.plan.troubles if trouble.tick == number]
        troubles = due_now + self._postponed
        self._postponed = []
        for trouble in troubles:
            if trouble.kind in (*INCIDENTS, *PEOPLE):
                self._happen(trouble)
            elif trouble.kind in ENDURING:
                self.faults.begin(trouble)
        self._publish(number)
        before = self.connections.wire_faults()
        completed = self._invocations(number, due, troubles)
        if self.connections.wire_faults() != before:
            self.invariants.disturb()
        for _, symbol in self.exchange.odd:
            self.invariants.odd(symbol)
        self.invariants.check(completed=completed, looked=self._looked)

    def _publish(self, number: int) -> None:
        for tick, signal in self.plan.signals:
            if tick == number and signal.time <= self.exchange.now:
                self.stores.own.signals.publish(signal)
                self._note(f"signal {signal.symbol} {signal.phase}")

    def _invocations(self, number: int, due: int, troubles: list[Trouble]) -> bool:
        """Invoke the function as the schedule does; return whether the last run was a whole one."""
        whole = {trouble.kind: trouble for trouble in troubles if trouble.kind in WHOLE_INVOCATIONS}
        self.faults.struck.update(whole.keys())
        strikes = [trouble for trouble in troubles if trouble.kind not in ELSEWHERE]
        late = round(whole["late"].size * LATEST) * 1000 if "late" in whole else 0
        run = PlannedRun(f"tick-{number}", self.exchange.now, strikes, scheduled=due - late)
        if "clock_doubt" in whole:
            run.doubt = "the exchange's time has jumped"
            self.invariants.disturb(("clock", "doubt"))
        if "clock_frozen" in whole:
            run.frozen = True
            self.invariants.disturb()
        completed = self._invoke(run)
        if "duplicate" in whole:
            completed = self._invoke(PlannedRun(run.name, self.exchange.now, [], scheduled=due))
        return completed

    def _invoke(self, run: PlannedRun) -> bool:
        name = run.name
        self.faults.runs.append(run)
        instance = self._instance(nested=len(self.faults.runs) > 1)
        run.connected = instance.made
        deadline = _Deadline(self.exchange, run.started)
        try:
            instance.connection.begin(deadline)
            tick = Tick(run.scheduled, name)
            with instance.lease.taken(name, deadline) as lease:
                report = instance.use_case.run(tick, deadline, lease) if lease else None
        except Killed:
            self._note(f"{name} was killed at call {run.calls}")
            return False
        except PumpwatchError as error:
            self._note(f"{name}: {type(error).__name__}: {error}")
            return False
        finally:
            self.faults.runs.pop()
            self._looked = run.started
            if run.dead:
                self._warm = None
                if not self.faults.runs:
                    self.stores.next_process()
        for happening in report.happenings if report is not None else ():
            self._note(f"{name}: {happening.kind} {happening.symbol} {happening.text}")
        return report is not None

    def _invoke_beside(self, name: str) -> None:
        now = self.exchange.now
        self._invoke(PlannedRun(name, now, [], scheduled=now))

    def _instance(self, *, nested: bool) -> _Instance:
        self._number += 1
        if nested:
            return self._cold()
        if self._warm is None or self._number % COLD_EVERY == 0:
            self._warm = self._cold()
        return self._warm

    def _cold(self) -> _Instance:
        connection, stores, wrap = self.connections.connect(), self.stores.own, self.faults.wrap
        ports = Ports(
            broker=wrap("broker", connection.broker),
            market=wrap("market", connection.market),
            journal=wrap("journal", stores.journal),
            signals=wrap("signals", stores.signals),
            halts=wrap("halts", stores.halts),
            locks=wrap("locks", stores.locks),
            health=connection.health,
            clock=_Clock(self.exchange, self.faults.runs),
            wait=self._wait,
        )
        use_case = TradeSignals(ports, self.plan.settings)
        lease = trade_lease(wrap("leases", stores.leases), self._wait)
        return _Instance(use_case, connection, lease, self.exchange.now)

    def _wait(self, seconds: float) -> None:
        self.exchange.advance(round(seconds * 1000))

    # --- incidents -----------------------------------------------------------------------

    def _happen(self, trouble: Trouble) -> None:
        symbol = symbol_for(trouble, self.plan, self.exchange)
        if symbol is None:
            self._postponed.append(trouble)
            return
        try:
            if trouble.kind in PEOPLE:
                if not self.people.act(trouble, symbol):
                    return
            else:
                incident = incident_for(trouble, symbol, self.exchange)
                apply_incident(self.exchange.engine, incident)
        except TroubleError as error:
            self._note(f"{trouble.kind} could not happen: {error}")
            return
        if trouble.kind == "halt_symbol":
            self._halted.add(symbol)
        self.faults.struck[trouble.kind] += 1
        self.invariants.happened(trouble.kind, symbol)
        self._note(f"{trouble.kind} {symbol}")

    def _calm_down(self) -> None:
        self.connections.calm()
        self.faults.lasting.clear()
        self._postponed.clear()
        self.exchange.odd.clear()
        for symbol in sorted(self._halted):
            apply_incident(self.exchange.engine, Incident("resume_symbol", symbol))
        self._halted.clear()

    def _note(self, text: str) -> None:
        if self._traced:
            seconds = (self.exchange.now - START) / 1000
            self.result.trace.append(f"{seconds:9.2f} s  {text}")


def play(
    seed: int,
    *,
    connections: Callable[[Plan], InProcess] = InProcess,
    stores: str = "",
    traced: bool = False,
) -> WorldResult:
    """Play the world of a seed; where no stores are named every second seed has a file."""
    plan = plan_for(seed)
    kind = stores or ("memory", "sqlite")[seed % 2]
    with (
        closing(connections(plan)) as opened,
        closing(WorldStores(lambda: opened.exchange.now / 1000, kind)) as kept,
    ):
        return World(plan, opened, kept, traced=traced).play()
