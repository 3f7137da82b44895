"""The trade use case through pybit against a simulated exchange over HTTP, in lock step."""

from support.doubles import ManualDeadline
from support.scripted_market import START as MARKET_START
from support.scripted_market import ScriptedMarket
from support.trading_rig import peaked, settings

from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.bootstrap.trade import trade_lease
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.trading.orders import Outcome
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.invocation import Tick
from pumpwatch.usecases.trade.run import Ports
from pumpwatch.usecases.trade.trade_signals import TradeSignals
from pumpwatch_workbench.local.memory import (
    MemoryHaltStore,
    MemoryJournal,
    MemoryLeaseStore,
    MemoryLockStore,
    MemorySignalStore,
)
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.market.measured import HeldClock
from pumpwatch_workbench.simulator.server import SimulatorServer
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident
from pumpwatch_workbench.simulator.troubles.incidents.kinds import apply_incident

MINUTE = 60_000
SYMBOL = "PUMPUSDT"
BEGIN = MARKET_START + 10 * MINUTE
PUMP = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (60 * MINUTE, 116.0)]
"""A pump of the first minutes, and what follows it."""


class MarketClocks:
    """Our own clocks, `ahead` seconds off: both go as market time does."""

    def __init__(self, market, ahead=0.0):
        self._market, self.ahead = market, ahead

    def time(self):
        return float(self._market.now() / 1000 + self.ahead)

    def monotonic(self):
        return float(self._market.now() / 1000)


class World:
    """One pumped symbol on the simulator, traded with 60 ms latency in market time.

    With an executor the reads of one round go out side by side, and market time stands still.
    """

    def __init__(self, *, timeout_seconds=4.0, executor=None, **exchange):
        credentials = credentials_from_seed(5)
        self.market_clock = MarketClock(start=BEGIN, stepped=True)
        self.executor = executor
        if executor is not None:
            self.market_clock = HeldClock(BEGIN)
        scripts = {"BTCUSDT": [(0, 60_000.0)], SYMBOL: PUMP}
        options = ExchangeSettings(latency_ms=0 if executor else 60, **exchange)
        market = ScriptedMarket(scripts)
        self.exchange = Exchange(market, self.market_clock, credentials, options)
        self.server = SimulatorServer(self.exchange).start()
        key = ExchangeKey(credentials.api_key, credentials.api_secret)
        self.session = BybitSession(
            self.server.url,
            key=key,
            wait=self.pass_seconds,
            timeout_seconds=timeout_seconds,
            exchange_time=ExchangeTime(MarketClocks(self.market_clock)),
        )
        self.clock = self.session
        self.broker = BybitBroker(self.session, self.clock, executor=self.executor)
        self.market = BybitMarketData(self.session)
        self.leases = MemoryLeaseStore(lambda: self.market_clock.now() / 1000)
        self.journal = MemoryJournal(self.leases)
        self.signals = MemorySignalStore()
        self.halts, self.locks = MemoryHaltStore(), MemoryLockStore()
        live = {
            "trading_mode": "live",
            "strategy": "fade",
            "live_trading_confirmation": str(credentials.user_id),
        }
        self.settings = settings(**live)
        self.use_case = self.cold()

    def cold(self):
        """The use case of a function that has just started, on the same stores."""
        ports = Ports(
            broker=self.broker,
            market=self.market,
            journal=self.journal,
            signals=self.signals,
            halts=self.halts,
            locks=self.locks,
            health=self.session.health,
            clock=self.clock,
            wait=self.pass_seconds,
            executor=self.executor,
        )
        return TradeSignals(ports, self.settings)

    def start_cold(self, clock_ahead):
        """Start anew on a machine whose wall clock is so many seconds ahead."""
        self.session._time = ExchangeTime(MarketClocks(self.market_clock, clock_ahead))
        self.use_case = self.cold()

    def pass_seconds(self, seconds):
        self.market_clock.advance_by(round(seconds * 1_000))

    def close(self):
        if self.executor is not None:
            self.executor.shutdown()
        self.session.close()
        self.server.stop()

    def tick(self, minutes=0, *, name="", late=0.0, use_case=None):
        """Run a tick so many minutes after the beginning, `late` seconds after it was due."""
        report = self.try_tick(minutes, name=name, late=late, use_case=use_case)
        assert report is not None, "another run has the lease"
        return report

    def try_tick(self, minutes=0, *, name="", late=0.0, use_case=None):
        """Run a tick as `tick` does; None while another run has the lease."""
        if minutes:
            self.market_clock.advance_to(BEGIN + minutes * MINUTE)
        now, deadline = self.market_clock.now(), ManualDeadline()
        self.session.start_run(deadline)
        tick = Tick(now - round(late * 1000), name or f"tick-{now}")
        lease = trade_lease(self.leases, self.pass_seconds)
        with lease.taken(tick.execution_id, deadline) as taken:
            if taken is None:
                return None
            return (use_case or self.use_case).run(tick, deadline, taken)

    def trade(self):
        (trade,) = self.journal.trades_since(0)
        return trade

    def publish(self, symbol=SYMBOL, **changes):
        """Publish the signal of the pump's peak, at 117 after a rise from 100 to 120."""
        facts = {"price": 117.0, "base_price": 100.0, "peak_price": 120.0, "time": BEGIN}
        self.signals.publish(peaked(symbol, **{**facts, **changes}))

    def enter(self):
        self.publish()
        return self.tick()

    def happen(self, kind, symbol=SYMBOL, **fields):
        """Let an incident happen now, as the control call does."""
        self.exchange.catch_up()
        apply_incident(self.exchange.engine, Incident(kind, symbol, **fields))

    def entries(self):
        """Our ids of the orders that opened something on the exchange."""
        orders = self.exchange.engine.ledger.orders.values()
        return [one.link_id for one in orders if one.link_id and one.filled and not one.reduce_only]

    def check_promise(self):
        """One entry at most, no position without a stop, and journal and exchange agree."""
        ledger = self.exchange.engine.ledger
        assert len(self.entries()) <= 1
        live = [trade for trade in self.journal.trades_since(0) if trade.state.live]
        held = list(ledger.open_positions())
        assert [(one.symbol, one.quantity) for one in live] == [(p.symbol, p.size) for p in held]
        assert all(one.state is TradeState.OPEN for one in live)
        assert all(p.stop_loss is not None for p in held)
        for trade in self.journal.trades_since(0):
            orders = self.journal.orders(trade.signal_id)
            assert all(order.outcome is not Outcome.UNKNOWN for order in orders)

    def longest_bare(self):
        """The longest time for which a position had no stop, milliseconds of market time."""
        protection = self.exchange.engine.ledger.protection
        return max(protection.by_symbol(self.market_clock.now()).values(), default=0)
