"""The trade use case through pybit against the simulator over HTTP, in lock step."""

import contextlib
from decimal import Decimal

import pytest
from support.simulated_trading import FELL, FLAT, STOPPED, World

from pumpwatch.domain.trading.orders import Outcome
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import ExchangeForbidden, KeyRefused, RetryLater
from pumpwatch_workbench.simulator.troubles.faults.catalogue import (
    CREATE,
    EXECUTIONS,
    HISTORY,
    KINDS,
    ORDERS,
    POSITIONS,
)
from pumpwatch_workbench.simulator.troubles.faults.forms import faults_from_json
from pumpwatch_workbench.simulator.troubles.faults.plan import NoFaults
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule

TIME = "/v5/market/time"
TRADING_STOP, SET_LEVERAGE = "/v5/position/trading-stop", "/v5/position/set-leverage"


@pytest.fixture
def world(request):
    world = World(request.param)
    yield world
    world.close()


@pytest.fixture
def flat_world():
    world = World(FLAT)
    yield world
    world.close()


@pytest.mark.parametrize("world", [FLAT], indirect=True)
def test_a_fade_is_entered_with_its_stop_and_closed_by_the_time_limit(world):
    report = world.enter()
    assert report.problems == []
    (position,) = world.broker.positions()
    assert (position.stop_loss, position.take_profit) == (Decimal("123.6"), Decimal(110))
    assert position.leverage == 1
    assert world.trade().quantity == position.quantity
    assert report.stop_verified_seconds is not None
    assert 0 <= report.stop_verified_seconds < 60
    assert world.tick(1).happenings == []
    report = world.tick(31)
    trade = world.trade()
    assert (trade.state, trade.exit_reason) == (TradeState.CLOSED, ExitReason.TIME_LIMIT)
    assert list(world.broker.positions()) == []
    assert report.repairs == {}
    assert report.equity == Decimal(10_000) + trade.realised_pnl


@pytest.mark.parametrize(
    ("world", "reason"),
    [(STOPPED, ExitReason.STOP_LOSS), (FELL, ExitReason.TAKE_PROFIT)],
    indirect=["world"],
)
def test_a_close_on_the_exchange_is_booked_as_the_account_has_it(world, reason):
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
def test_a_key_or_an_account_that_is_not_fit_opens_nothing(right, words):
    world = World(FLAT, exchange={right: True})
    try:
        report = world.enter()
        assert words in report.blocked["access"]
        assert world.exchange.engine.ledger.orders == {}
    finally:
        world.close()


def test_an_entry_is_a_limit_order_that_ends_at_once_and_its_exit_a_market_order():
    world = World(FLAT)
    try:
        world.enter()
        world.tick(31)
        entry, leave = (one for one in world.exchange.engine.ledger.orders.values() if one.link_id)
    finally:
        world.close()
    assert (entry.kind, entry.time_in_force, entry.price) == ("Limit", "IOC", Decimal("115.82"))
    assert (leave.kind, leave.reduce_only) == ("Market", True)


# --- with faults on the wire ---------------------------------------------------------------

STOPS_THE_RUN = {"forbidden_page", "forbidden_text", "unauthorised"}
TYPICAL = ("drop_before", "http_502", "rate_10006_far", "null_result", "stale_positions")
READS = (POSITIONS, ORDERS, HISTORY, EXECUTIONS, TIME, TRADING_STOP, SET_LEVERAGE)
CASES = [
    *((CREATE, name) for name in sorted(set(KINDS) - {"drip"})),
    *((path, name) for path in READS for name in TYPICAL),
]


def arrives(name):
    """Tell whether an order that meets the fault reaches the exchange."""
    fault = KINDS[name].fault
    return fault.strikes_after or fault.action in {"stale", "hide_orders"}


def check_promise(world):
    world.check_promise()
    assert world.longest_bare() == 0


@pytest.mark.parametrize(("path", "name"), CASES)
def test_fault_at_any_call_of_the_entry_costs_nothing_but_time(flat_world, path, name):
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
        assert len(world.entries()) == 1
    world.tick(40)
    world.tick(41)
    assert not list(world.exchange.engine.ledger.held())
    check_promise(world)


@pytest.mark.parametrize("seed", range(6))
def test_trading_under_a_schedule_of_faults_keeps_the_promise(flat_world, seed):
    world = flat_world
    kinds = set(KINDS) - {"drip"} - STOPS_THE_RUN
    world.exchange.faults = FaultSchedule(seed, 0.25, kinds=kinds)
    world.publish()
    for minute in range(12):
        with contextlib.suppress(RetryLater):
            world.tick(minute)
        assert len(world.entries()) <= 1
    assert world.exchange.injected.total() >= 5
    world.exchange.faults = NoFaults()
    for minute in range(12, 20):
        world.tick(minute)
    check_promise(world)
