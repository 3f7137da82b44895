"""A small world for the trade use case: memory adapters, one clock, one pumped symbol."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from support.scripted_broker import ScriptedBroker, SteppedClock
from support.scripted_market_data import ScriptedMarketData, instrument

from pumpwatch.domain.detection.signals import Phase, Signal, signal_id_for
from pumpwatch.domain.trading.orders import Leg, Outcome, Side
from pumpwatch.domain.trading.protections import Health
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch.usecases.trade.trade_signals import TradeSignals
from pumpwatch_workbench.local.memory import (
    ManualDeadline,
    MemoryHaltStore,
    MemoryJournal,
    MemoryLeaseStore,
    MemoryLockStore,
    MemorySignalStore,
)

START = 1_800_000_000_000
"""2027-01-15T08:00:00Z."""
SYMBOL = "PUMPUSDT"
MINUTE = 60_000


@dataclass(frozen=True)
class RigTick:
    scheduled_time: int
    execution_id: str


def settings(**changes: Any) -> TradeSettings:
    """Settings with a target at half of the rise: 1.10 for `peaked`."""
    facts: dict[str, Any] = {"fade_target_retrace": Decimal("0.5"), **changes}
    return TradeSettings(table_name="pumpwatch-test", **facts)


def peaked(symbol: str = SYMBOL, *, time: int = START, **changes: Any) -> Signal:
    """A pump from 1.00 to 1.20 that has stalled at 1.17."""
    event_id = f"event-{symbol}"
    facts: dict[str, Any] = {
        "signal_id": signal_id_for(event_id, Phase.PEAKED),
        "event_id": event_id,
        "symbol": symbol,
        "phase": Phase.PEAKED,
        "time": time,
        "price": 1.17,
        "base_price": 1.0,
        "peak_price": 1.2,
        "strength": 60.0,
        "jump": 0.2,
        "detector": "ewma",
    }
    return Signal(**{**facts, **changes})


@dataclass
class FixedHealth:
    """How well the exchange answers, as the test says (ExchangeHealth port)."""

    health: Health = field(default_factory=Health)

    def recent(self, now: int) -> Health:
        return self.health


@dataclass
class Rig:
    """The world. `ports` can be wrapped, for example to kill a run at a call."""

    settings: TradeSettings = field(default_factory=settings)
    executor: Executor | None = None

    def __post_init__(self) -> None:
        self.clock = SteppedClock(START)
        self.deadline = ManualDeadline()
        self.market = ScriptedMarketData(START)
        self.broker = ScriptedBroker(self.clock)
        self.leases = MemoryLeaseStore(lambda: self.clock.now() / 1000)
        self.journal = MemoryJournal(self.leases)
        self.signals = MemorySignalStore()
        self.halts = MemoryHaltStore()
        self.locks = MemoryLockStore()
        self.health = FixedHealth()
        self.waits: list[float] = []
        self.runs = 0
        self.wrap: Callable[[str, Any], Any] = lambda name, port: port
        self.market.list_instrument(instrument(SYMBOL))
        self.set_price(1.17)

    def set_price(self, price: float, symbol: str = SYMBOL, **fields: float) -> None:
        """Move the price; stops and targets on the exchange fire."""
        self.market.set_price(symbol, price, **fields)
        self.broker.set_price(symbol, Decimal(repr(price)))
        self.market.now = self.clock.now()

    def advance(self, seconds: float) -> None:
        self.clock.advance(round(seconds * 1000))
        self.market.now = self.clock.now()

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.advance(seconds)

    def use_case(self) -> TradeSignals:
        names = ("broker", "market", "journal", "signals", "leases", "halts", "locks", "clock")
        ports = {name: self.wrap(name, getattr(self, name)) for name in names}
        return TradeSignals(
            **ports,
            health=self.health,
            settings=self.settings,
            wait=self.wait,
            executor=self.executor,
        )

    def tick(self, *, late: float = 0.0) -> TradeReport:
        """Run a tick in a cold object, `late` seconds after its scheduled time."""
        self.runs += 1
        tick = RigTick(self.clock.now() - int(late * 1000), f"run-{self.runs}")
        return self.use_case().run(tick, self.deadline)

    # --- what tests ask ------------------------------------------------------------------

    def trade(self, symbol: str = SYMBOL) -> Trade:
        found = [one for one in self.journal.trades_since(0) if one.symbol == symbol]
        assert len(found) == 1
        return found[0]

    def entries_sent(self) -> list[str]:
        """Ids of the entries that reached the exchange, refused repeats included."""
        return [one.order_id for one in self.broker.placed if not one.reduce_only]

    def opened(self) -> Rig:
        """Publish a signal and trade it."""
        self.signals.publish(peaked())
        report = self.tick()
        assert self.trade().state is TradeState.OPEN, report.happenings
        return self

    def check_agreement(self) -> None:
        """Journal and exchange agree, and every position has its stop on the losing side."""
        live = {one.symbol: one for one in self.journal.trades_since(0) if one.state.live}
        held = {one.symbol: one for one in self.broker.positions()}
        assert set(live) == set(held)
        for symbol, position in held.items():
            trade = live[symbol]
            assert trade.state is TradeState.OPEN
            assert (trade.side, trade.quantity) == (position.side, position.quantity)
            assert position.stop_loss is not None
            losing = position.stop_loss > position.entry_price
            assert losing is (position.side is Side.SELL)
        for trade in self.journal.trades_since(0):
            orders = self.journal.orders(trade.signal_id)
            assert all(order.outcome is not Outcome.UNKNOWN for order in orders)
            fills = [one for one in self.broker.fills(trade.symbol, since=0) if one.order_id]
            for leg in Leg:
                ids = {order.request.order_id for order in orders if order.leg is leg}
                filled = sum(one.quantity for one in fills if one.order_id in ids)
                journalled = sum(order.filled_quantity for order in orders if order.leg is leg)
                assert filled == journalled


def changed(signal: Signal, **changes: Any) -> Signal:
    return replace(signal, **changes)
