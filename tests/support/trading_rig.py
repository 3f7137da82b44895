"""A small world for the trade use case: memory adapters, one clock, one pumped symbol."""

from concurrent.futures import Executor
from dataclasses import dataclass, field
from decimal import Decimal

from support.doubles import ManualDeadline
from support.scripted_broker import ScriptedBroker, SteppedClock
from support.scripted_market_data import ScriptedMarketData, instrument

from pumpwatch.bootstrap.trade import trade_lease
from pumpwatch.domain.detection.signals import Phase, Signal, signal_id_for
from pumpwatch.domain.market.health import Health
from pumpwatch.domain.trading.orders import Leg, Outcome, Side
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.invocation import Tick
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.run import Ports
from pumpwatch.usecases.trade.trade_signals import TradeSignals
from pumpwatch_workbench.local.memory import (
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


def settings(**changes):
    """Settings with a target at half of the rise: 1.10 for `peaked`."""
    facts = {"fade_target_retrace": Decimal("0.5"), **changes}
    return TradeSettings(table_name="pumpwatch-test", **facts)


def peaked(symbol=SYMBOL, *, time=START, **changes):
    """A pump from 1.00 to 1.20 that has stalled at 1.17."""
    event_id = f"event-{symbol}"
    facts = {
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

    def recent(self, now):
        return self.health


@dataclass
class Rig:
    """The world. `ports` can be wrapped, for example to kill a run at a call."""

    settings: TradeSettings = field(default_factory=settings)
    executor: Executor | None = None

    def __post_init__(self):
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
        self.waits = []
        self.runs = 0
        self.wrap = lambda name, port: port
        self.market.list_instrument(instrument(SYMBOL))
        self.set_price(1.17)

    def set_price(self, price, symbol=SYMBOL, **fields):
        """Move the price; stops and targets on the exchange fire."""
        self.market.set_price(symbol, price, **fields)
        self.broker.set_price(symbol, Decimal(repr(price)))
        self.market.now = self.clock.now()

    def advance(self, seconds):
        self.clock.advance(round(seconds * 1000))
        self.market.now = self.clock.now()

    def wait(self, seconds):
        self.waits.append(seconds)
        self.advance(seconds)

    def use_case(self):
        names = ("broker", "market", "journal", "signals", "halts", "locks", "clock")
        ports = {name: self.wrap(name, getattr(self, name)) for name in names}
        fixed = Ports(**ports, health=self.health, wait=self.wait, executor=self.executor)
        return TradeSignals(fixed, self.settings)

    def tick(self, **asked):
        """Run a tick; `asked` is what `try_tick` takes."""
        report = self.try_tick(**asked)
        assert report is not None, "another run has the lease"
        return report

    def try_tick(self, *, late=0.0, name="", use_case=None, deadline=None, woken_by=()):
        """Run a tick `late` seconds after it was due, in a cold object unless one is given.

        `woken_by` are the ids of the signals that the stream announced.

        None while another run has the lease.
        """
        self.runs += 1
        deadline = deadline or self.deadline
        due = self.clock.now() - int(late * 1000)
        tick = Tick(due, name or f"run-{self.runs}", woken_by)
        lease = trade_lease(self.wrap("leases", self.leases), self.wait)
        with lease.taken(tick.execution_id, deadline) as taken:
            if taken is None:
                return None
            return (use_case or self.use_case()).run(tick, deadline, taken)

    # --- what happens --------------------------------------------------------------------

    def signal(self, symbol=SYMBOL, name="", **changes):
        """List the symbol at the pumped price and publish a signal of this moment.

        `name` is the id of signal and event, for a further one of the symbol.
        """
        self.market.list_instrument(instrument(symbol))
        self.set_price(1.17, symbol)
        ids = {"signal_id": name, "event_id": name} if name else {}
        self.signals.publish(peaked(symbol, **{"time": self.clock.now(), **ids, **changes}))

    def opened(self, **asked):
        """Publish a signal and trade it; `asked` is what `try_tick` takes."""
        self.signals.publish(peaked())
        report = self.tick(**asked)
        assert self.trade().state is TradeState.OPEN, report.happenings
        return self

    def save(self, trade):
        """Store a trade as a run before this one did."""
        lease = self.leases.acquire("trade", owner="before", seconds=1)
        self.journal.save(trade, lease)
        self.leases.release(lease)

    # --- what tests ask ------------------------------------------------------------------

    def trade(self, symbol=SYMBOL):
        (trade,) = [one for one in self.journal.trades_since(0) if one.symbol == symbol]
        return trade

    def entries_sent(self):
        """Ids of the entries that reached the exchange, refused repeats included."""
        return [one.order_id for one in self.broker.placed if not one.reduce_only]

    def check_agreement(self):
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


def beside(port, method, *, before=None, after=None):
    """Let something happen before or after each call of a port's method."""
    sound = getattr(port, method)

    def call(*arguments, **named):
        if before is not None:
            before(*arguments)
        answer = sound(*arguments, **named)
        if after is not None:
            after(*arguments)
        return answer

    setattr(port, method, call)


def failing(error):
    """Return a call that fails."""

    def fail(*arguments, **named):
        raise error

    return fail
