"""The trade use case through pybit against the simulator over HTTP, in lock step."""

import contextlib

import pytest
from support.simulated_trading import World

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
def world():
    world = World()
    yield world
    world.close()


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
def test_fault_at_any_call_of_the_entry_costs_nothing_but_time(world, path, name):
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
def test_trading_under_a_schedule_of_faults_keeps_the_promise(world, seed):
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
