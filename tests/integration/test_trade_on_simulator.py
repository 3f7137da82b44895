"""The trade use case through pybit against the simulator over HTTP, in lock step."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from support.scripted_market import START as MARKET_START
from support.scripted_market import ScriptedMarket
from support.trading_rig import RigTick, peaked, settings

from pumpwatch.adapters.bybit import BybitBroker, BybitMarketData, BybitSession, ExchangeClock
from pumpwatch.adapters.memory import (
    ManualDeadline,
    MemoryHaltStore,
    MemoryJournal,
    MemoryLeaseStore,
    MemorySignalStore,
)
from pumpwatch.domain.orders import Outcome
from pumpwatch.domain.trades import ExitReason, Trade, TradeState
from pumpwatch.ports import ExchangeKey
from pumpwatch.usecases.trade_report import TradeReport
from pumpwatch.usecases.trade_signals import TradeSignals
from workbench.simulator.auth import credentials_from_seed
from workbench.simulator.clock import MarketClock
from workbench.simulator.exchange import Exchange
from workbench.simulator.exchange_settings import ExchangeSettings
from workbench.simulator.server import SimulatorServer

MINUTE = 60_000
BEGIN = MARKET_START + 10 * MINUTE
STOPPED = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (20 * MINUTE, 117.0), (21 * MINUTE, 130.0)]
FELL = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (20 * MINUTE, 117.0), (21 * MINUTE, 105.0)]
FLAT = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (60 * MINUTE, 116.0)]


class World:
    """One symbol on the simulator, traded in live mode with 60 ms latency in market time."""

    def __init__(self, script: list[tuple[int, float]]) -> None:
        credentials = credentials_from_seed(5)
        self.market_clock = MarketClock(start=BEGIN, stepped=True)
        market = ScriptedMarket({"PUMPUSDT": script})
        options = ExchangeSettings(latency_ms=60)
        self.exchange = Exchange(market, self.market_clock, credentials, options)
        self.server = SimulatorServer(self.exchange).start()
        key = ExchangeKey(credentials.api_key, credentials.api_secret)
        session = BybitSession(self.server.url, key=key)
        clock = ExchangeClock(session)
        self.broker = BybitBroker(session, clock)
        leases = MemoryLeaseStore(lambda: self.market_clock.now() / 1000)
        self.journal = MemoryJournal(leases)
        self.signals = MemorySignalStore()
        self.use_case = TradeSignals(
            broker=self.broker,
            market=BybitMarketData(session),
            journal=self.journal,
            signals=self.signals,
            leases=leases,
            halts=MemoryHaltStore(),
            clock=clock,
            settings=settings(
                trading_mode="live",
                strategy="fade",
                live_trading_confirmation=str(credentials.user_id),
                bybit_secret_arn="arn:aws:secretsmanager:eu-central-1:1:secret:key",
            ),
            wait=lambda seconds: None,
        )

    def tick(self, minutes: int = 0) -> TradeReport:
        if minutes:
            self.market_clock.advance_to(BEGIN + minutes * MINUTE)
        now = self.market_clock.now()
        return self.use_case.run(RigTick(now, f"tick-{now}"), ManualDeadline())

    def trade(self) -> Trade:
        (trade,) = self.journal.trades_since(0)
        return trade

    def enter(self) -> TradeReport:
        facts = {"price": 117.0, "base_price": 100.0, "peak_price": 120.0}
        self.signals.publish(peaked("PUMPUSDT", time=BEGIN, **facts))
        return self.tick()


@pytest.fixture
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    world = World(request.param)
    yield world
    world.server.stop()


@pytest.mark.parametrize("world", [FLAT], indirect=True)
def test_a_fade_is_entered_with_its_stop_and_closed_by_the_time_limit(world: World) -> None:
    report = world.enter()
    assert report.problems == []
    (position,) = world.broker.positions()
    assert (position.stop_loss, position.take_profit) == (Decimal("123.6"), Decimal(110))
    assert position.leverage == 1
    assert world.trade().quantity == position.quantity
    assert report.stop_verified_seconds is not None
    assert 0 <= report.stop_verified_seconds < 1
    assert world.tick(1).happenings == []
    report = world.tick(31)
    trade = world.trade()
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.TIME_LIMIT)
    assert world.broker.positions() == []
    assert report.repairs == {}
    assert report.equity == Decimal(10_000) + trade.realised_pnl


@pytest.mark.parametrize(
    ("world", "reason"),
    [(STOPPED, ExitReason.STOP_LOSS), (FELL, ExitReason.TAKE_PROFIT)],
    indirect=["world"],
)
def test_a_close_on_the_exchange_is_booked_as_the_account_has_it(
    world: World, reason: ExitReason
) -> None:
    world.enter()
    report = world.tick(12)
    trade = world.trade()
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, reason)
    assert report.equity == Decimal(10_000) + trade.realised_pnl
    orders = world.journal.orders(trade.signal_id)
    assert [order.outcome for order in orders] == [Outcome.FILLED]
