"""The trade use case through pybit against the simulator over HTTP, in lock step."""

from __future__ import annotations

import contextlib
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
    MemoryLockStore,
    MemorySignalStore,
)
from pumpwatch.domain.orders import Outcome
from pumpwatch.domain.trades import ExitReason, Trade, TradeState
from pumpwatch.errors import ExchangeForbidden, KeyRefused, RetryLater
from pumpwatch.ports import ExchangeKey
from pumpwatch.usecases.trade_report import TradeReport
from pumpwatch.usecases.trade_signals import TradeSignals
from workbench.simulator.auth import credentials_from_seed
from workbench.simulator.clock import MarketClock
from workbench.simulator.exchange import Exchange
from workbench.simulator.exchange_settings import ExchangeSettings
from workbench.simulator.fault_catalogue import (
    CREATE,
    EXECUTIONS,
    HISTORY,
    KINDS,
    ORDERS,
    POSITIONS,
)
from workbench.simulator.fault_forms import faults_from_json
from workbench.simulator.fault_schedule import FaultSchedule
from workbench.simulator.faults import NoFaults
from workbench.simulator.server import SimulatorServer

MINUTE = 60_000
TIME = "/v5/market/time"
TRADING_STOP, SET_LEVERAGE = "/v5/position/trading-stop", "/v5/position/set-leverage"
BEGIN = MARKET_START + 10 * MINUTE
STOPPED = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (20 * MINUTE, 117.0), (21 * MINUTE, 130.0)]
FELL = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (20 * MINUTE, 117.0), (21 * MINUTE, 105.0)]
FLAT = [(9 * MINUTE, 100.0), (10 * MINUTE, 117.0), (60 * MINUTE, 116.0)]


class World:
    """One symbol on the simulator, traded in live mode with 60 ms latency in market time."""

    def __init__(self, script: list[tuple[int, float]], **key: bool | int) -> None:
        credentials = credentials_from_seed(5)
        self.market_clock = MarketClock(start=BEGIN, stepped=True)
        market = ScriptedMarket({"BTCUSDT": [(0, 60_000.0)], "PUMPUSDT": script})
        options = ExchangeSettings(latency_ms=60, **key)  # type: ignore[arg-type]
        self.exchange = Exchange(market, self.market_clock, credentials, options)
        self.server = SimulatorServer(self.exchange).start()
        key = ExchangeKey(credentials.api_key, credentials.api_secret)
        self.session = BybitSession(self.server.url, key=key, wait=self.pass_seconds)
        clock = ExchangeClock(self.session)
        self.broker = BybitBroker(self.session, clock)
        leases = MemoryLeaseStore(lambda: self.market_clock.now() / 1000)
        self.journal = MemoryJournal(leases)
        self.signals = MemorySignalStore()
        self.use_case = TradeSignals(
            broker=self.broker,
            market=BybitMarketData(self.session),
            journal=self.journal,
            signals=self.signals,
            leases=leases,
            halts=MemoryHaltStore(),
            locks=MemoryLockStore(),
            health=self.session.health,
            clock=clock,
            settings=settings(
                trading_mode="live",
                strategy="fade",
                live_trading_confirmation=str(credentials.user_id),
                bybit_secret_arn="arn:aws:secretsmanager:eu-central-1:1:secret:key",
            ),
            wait=self.pass_seconds,
        )

    def pass_seconds(self, seconds: float) -> None:
        self.market_clock.advance_by(round(seconds * 1_000))

    def close(self) -> None:
        self.session.close()
        self.server.stop()

    def tick(self, minutes: int = 0) -> TradeReport:
        if minutes:
            self.market_clock.advance_to(BEGIN + minutes * MINUTE)
        now, deadline = self.market_clock.now(), ManualDeadline()
        self.session.start_run(deadline)
        return self.use_case.run(RigTick(now, f"tick-{now}"), deadline)

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
    world.close()


@pytest.fixture
def flat_world() -> Iterator[World]:
    world = World(FLAT)
    yield world
    world.close()


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


@pytest.mark.parametrize(
    ("right", "words"),
    [
        ("key_may_transfer", "withdraw or transfer"),
        ("key_may_withdraw", "withdraw or transfer"),
        ("key_read_only", "read-only"),
    ],
)
def test_a_key_that_may_do_too_much_or_too_little_opens_nothing(right: str, words: str) -> None:
    world = World(FLAT, **{right: True})
    try:
        report = world.enter()
        assert words in report.blocked["access"]
        assert world.exchange.engine.ledger.orders == {}
    finally:
        world.close()


# --- with faults on the wire ---------------------------------------------------------------

STOPS_THE_RUN = {"forbidden_page", "forbidden_text", "unauthorised"}
TYPICAL = ("drop_before", "http_502", "rate_10006_far", "null_result", "stale_positions")
READS = (POSITIONS, ORDERS, HISTORY, EXECUTIONS, TIME, TRADING_STOP, SET_LEVERAGE)
CASES = [
    *((CREATE, name) for name in sorted(set(KINDS) - {"drip"})),
    *((path, name) for path in READS for name in TYPICAL),
]


def entries(world: World) -> list[str]:
    orders = world.exchange.engine.ledger.orders.values()
    return [order.link_id for order in orders if order.filled and not order.reduce_only]


def arrives(name: str) -> bool:
    """Tell whether an order that meets the fault reaches the exchange."""
    fault = KINDS[name].fault
    return fault.strikes_after or fault.action in {"stale", "hide_orders"}


def check_promise(world: World) -> None:
    """One entry at most, no position without a stop, and journal and exchange agree."""
    ledger = world.exchange.engine.ledger
    assert len(entries(world)) <= 1
    assert max(ledger.protection.by_symbol(world.market_clock.now()).values(), default=0) == 0
    live = [trade for trade in world.journal.trades_since(0) if trade.state.live]
    held = list(ledger.held())
    assert [(one.symbol, one.quantity) for one in live] == [(p.symbol, p.size) for p in held]
    assert all(one.state is TradeState.OPEN for one in live)
    assert all(p.stop_loss is not None for p in held)
    for trade in world.journal.trades_since(0):
        orders = world.journal.orders(trade.signal_id)
        assert all(order.outcome is not Outcome.UNKNOWN for order in orders)


@pytest.mark.parametrize(("path", "name"), CASES)
def test_fault_at_any_call_of_the_entry_costs_nothing_but_time(
    flat_world: World, path: str, name: str
) -> None:
    world = flat_world
    rule = {"path": path, "fault": name, "times": 2}
    world.exchange.faults = faults_from_json({"faults": [rule]}).plan
    try:
        world.enter()
    except (ExchangeForbidden, KeyRefused):
        assert name in STOPS_THE_RUN
    except RetryLater:
        assert path in {TIME, POSITIONS, ORDERS}
    world.exchange.faults = NoFaults()
    for minute in range(1, 8):
        report = world.tick(minute)
    assert report.problems == []
    check_promise(world)
    if path == CREATE and arrives(name):
        assert len(entries(world)) == 1
    world.tick(40)
    world.tick(41)
    assert not list(world.exchange.engine.ledger.held())
    check_promise(world)


@pytest.mark.parametrize("seed", range(6))
def test_trading_under_a_schedule_of_faults_keeps_the_promise(flat_world: World, seed: int) -> None:
    world = flat_world
    kinds = set(KINDS) - {"drip"} - STOPS_THE_RUN
    world.exchange.faults = plan = FaultSchedule(seed, 0.25, kinds=kinds)
    facts = {"price": 117.0, "base_price": 100.0, "peak_price": 120.0}
    world.signals.publish(peaked("PUMPUSDT", time=BEGIN, **facts))
    for minute in range(12):
        with contextlib.suppress(RetryLater):
            world.tick(minute)
        assert len(entries(world)) <= 1
    assert sum(plan.injected.values()) >= 5
    world.exchange.faults = NoFaults()
    for minute in range(12, 20):
        world.tick(minute)
    check_promise(world)
