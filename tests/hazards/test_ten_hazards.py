"""The ten ways in which small bots lost money, by name, through pybit against the simulator."""

import re
import time
from pathlib import Path

import boto3
import pytest
from moto import mock_aws
from support.aws import make_table
from support.detect_rig import Rig as DetectRig
from support.doubles import MemoryTotalsStore
from support.functions import invoke
from support.scripted_market import START as MARKET_START
from support.simulated_trading import BEGIN, MINUTE, SYMBOL, World
from support.stub_bybit import Reply, StubBybit

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.pushgateway import PushgatewaySink
from pumpwatch.bootstrap.numbers import describe
from pumpwatch.domain.market.candles import CandleRequest
from pumpwatch.domain.trading.orders import Leg, order_id_for
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import StoreUnavailable
from pumpwatch.metrics.catalogue import TRADE
from pumpwatch.metrics.numbers import RunNumbers
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch_workbench.local.memory import MemoryLeaseStore
from pumpwatch_workbench.simulator.troubles.faults.catalogue import CREATE
from pumpwatch_workbench.simulator.troubles.faults.forms import faults_from_json
from pumpwatch_workbench.simulator.troubles.faults.plan import NoFaults


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def make_world():
    made = []

    def make(**options):
        made.append(World(**options))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture
def world(make_world):
    return make_world()


def posted(world):
    """How many orders the exchange was asked for."""
    return world.exchange.requests[CREATE]


def test_1_the_same_tick_twice_gives_one_order(world):
    world.publish()
    for use_case in (world.use_case, world.use_case, world.cold()):
        world.tick(name="the same tick", use_case=use_case)
    assert posted(world) == 1
    world.check_promise()


def test_2_killed_between_send_and_save_the_next_run_finds_the_order_by_its_id(world, monkeypatch):
    place = world.broker.place

    def place_and_die(request):
        place(request)
        raise Killed

    monkeypatch.setattr(world.broker, "place", place_and_die)
    world.publish()
    with pytest.raises(Killed):
        world.tick()
    monkeypatch.undo()
    assert world.trade().state is TradeState.ENTERING
    expected = order_id_for(world.trade().signal_id, Leg.ENTRY, 0, world.journal.installation())
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", expected)
    assert world.entries() == [expected]
    report = world.tick(1, use_case=world.cold())
    assert report.repairs == {"opened": 1}
    assert posted(world) == 1
    world.check_promise()


def test_3_a_read_timeout_after_acceptance_gives_no_second_order(make_world):
    """The answer comes byte by byte and is given up; the order was accepted and filled."""
    world = make_world(timeout_seconds=1.5)
    rule = {"path": CREATE, "fault": "drip", "drip_ms": 200}
    world.exchange.faults = faults_from_json({"faults": [rule]}).plan
    began = time.monotonic()
    report = world.enter()
    assert time.monotonic() - began < 20
    assert any("not known whether the entry arrived" in one.text for one in report.problems)
    world.exchange.faults = NoFaults()
    for minute in (1, 2, 3):
        world.tick(minute)
    assert (posted(world), len(world.entries())) == (1, 1)
    assert world.trade().state is TradeState.OPEN
    assert world.longest_bare() == 0
    world.check_promise()


def test_4_three_asynchronous_retries_give_one_order(world):
    """Lambda runs an event that failed again, twice, and the schedule may as well."""
    world.publish()
    world.exchange.faults = faults_from_json(
        {"faults": [{"path": CREATE, "fault": "drop_after"}]}
    ).plan
    for seconds in (0, 60, 120, 180):
        world.market_clock.advance_to(BEGIN + seconds * 1_000)
        world.tick(name=f"tick-{BEGIN}", late=float(seconds), use_case=world.cold())
    assert posted(world) == 1
    assert world.trade().state is TradeState.OPEN
    world.check_promise()


def test_5_overlapping_runs_have_one_writer(world, monkeypatch):
    """A second run starts while the first is about to send, and a third while it looks."""
    beside = []
    place, positions = world.broker.place, world.broker.positions

    def place_beside_another(request):
        monkeypatch.setattr(world.broker, "place", place)
        beside.append(world.try_tick(name="second", use_case=world.cold()))
        return place(request)

    def look_beside_another():
        monkeypatch.setattr(world.broker, "positions", positions)
        beside.append(world.try_tick(name="third", use_case=world.cold()))
        return positions()

    monkeypatch.setattr(world.broker, "place", place_beside_another)
    monkeypatch.setattr(world.broker, "positions", look_beside_another)
    began = world.market_clock.now()
    report = world.enter()
    assert beside == [None, None]
    assert world.market_clock.now() - began < 2 * 3_300 + 2_000, "each waits three seconds at most"
    assert [trade.symbol for trade in report.opened] == [SYMBOL]
    assert posted(world) == 1
    world.check_promise()


def test_6_a_tick_older_than_its_limit_enters_nothing_and_exits_still_run(world):
    world.enter()
    world.market_clock.advance_to(BEGIN + 31 * MINUTE)
    world.publish("BTCUSDT", time=world.market_clock.now(), signal_id="late", event_id="late")
    report = world.tick(late=90.5)
    assert "stale_tick" in report.blocked
    assert world.trade().exit_reason is ExitReason.TIME_LIMIT
    assert posted(world) == 2, "the entry and the exit"
    world.check_promise()


def test_7_an_entry_that_is_filled_and_whose_stop_is_refused_is_flattened_and_alerts(world):
    world.publish()
    world.happen("drop_next_stop")
    world.happen("refuse_stop", times=9)
    report = world.tick()
    assert world.trade().exit_reason is ExitReason.STOP_MISSING
    assert report.stops_refused == 1, "this counter alerts"
    numbers = RunNumbers(TRADE)
    describe(report, numbers, mode="live")
    assert numbers.increments["pumpwatch_trade_stops_refused_total"] == 1
    assert numbers.gauges["pumpwatch_trade_positions_without_stop"] == 0
    assert not list(world.exchange.engine.ledger.open_positions())
    assert world.longest_bare() < 5_000, "in the run that saw it, not in the next one"
    world.check_promise()


def test_8_the_open_candle_is_ignored(world):
    """Bybit's first row is still forming: it is told apart, and a rule it can fool waits for it."""
    world.market_clock.advance_to(MARKET_START + 30 * MINUTE + 20_000)
    first = MARKET_START + 20 * MINUTE
    answer = BybitMarketData(world.session).candles(
        [CandleRequest(SYMBOL, MINUTE, first, first + 10 * MINUTE)]
    )[SYMBOL]
    assert answer.forming
    assert int(answer.open_time[-1]) == MARKET_START + 30 * MINUTE
    assert int(answer.closed.open_time[-1]) == MARKET_START + 29 * MINUTE

    rig = DetectRig(symbols=3, detector="boosted").ready()
    rig.tick(0)
    for symbol in ("A1USDT", "A2USDT"):
        rig.pump(symbol, 1, rise=1.06)
    assert not rig.tick(1).signals
    rig.pump("A1USDT", 1, rise=1.0, flow=1 / 2000)  # the ghost is gone before the minute ends
    assert {signal.symbol for signal in rig.tick(2).signals} == {"A2USDT"}


def test_9_the_ledgers_counters_survive_a_hundred_cold_starts():
    with mock_aws():
        client = boto3.client("dynamodb")
        name = make_table(client)
        gateway = StubBybit()
        gateway.answer(f"/metrics/job/{TRADE}/stage/dev", Reply(status=202))
        try:
            for run in range(100):
                sink = PushgatewaySink(gateway.url, stage="dev", timeout_seconds=60)
                totals = DynamoTotalsStore(Table(name, client))
                numbers = RunNumbers(TRADE)
                numbers.count("runs", result="success")
                numbers.count("trades_closed", 2, result="win")
                assert MetricsReporter(TRADE, totals, sink).report(numbers, f"run-{run}")
            last = gateway.requests[-1].body.decode()
        finally:
            gateway.close()
    assert 'pumpwatch_trade_runs_total{result="success"} 100.0' in last
    assert 'pumpwatch_trade_trades_closed_total{result="win"} 200.0' in last
    assert 'pumpwatch_trade_runs_total{result="failure"} 0.0' in last


class SilentTotals:
    def add(self, *_):
        raise StoreUnavailable("the table did not answer")


@pytest.mark.parametrize("trouble", ["429", "time-out", "nobody there", "totals and gateway"])
def test_10_trouble_of_the_alerts_channel_leaves_trading_alone_and_alerts_nothing_again(
    world, trouble, caplog
):
    """Alerts leave by metrics alone: whatever the gateway does, an entry and an exit are made."""
    gateway = StubBybit()
    reply = Reply(status=429, headers={"Retry-After": "3600"})
    if trouble == "time-out":
        reply = Reply(status=200, delay=3.0)
    gateway.answer(f"/metrics/job/{TRADE}/stage/dev", reply)
    # What answers at once is waited for on a busy machine too; what does not is given up.
    sink = PushgatewaySink(
        "http://127.0.0.1:9" if trouble == "nobody there" else gateway.url,
        stage="dev",
        timeout_seconds=0.5 if trouble == "time-out" else 60,
    )
    totals = SilentTotals() if trouble == "totals and gateway" else MemoryTotalsStore()

    def run(name):
        return invoke(
            TRADE,
            name,
            leases=MemoryLeaseStore(),
            totals=totals,
            sink=sink,
            work=lambda: world.tick(name=name),
            describe=lambda report, numbers: describe(report, numbers, mode="live"),
        )

    try:
        world.publish()
        opened = run("run-1")
        world.market_clock.advance_to(BEGIN + 31 * MINUTE)
        closed = run("run-2")
        asked = len(gateway.requests)
    finally:
        gateway.close()
    assert len(opened.opened) == len(closed.closed) == 1
    assert asked <= 2, "one push a run, never a second try"
    if trouble != "time-out":
        assert asked == (0 if trouble == "nobody there" else 2)
    assert caplog.text.count("metrics not pushed") == 2
    assert opened.problems == closed.problems == []
    world.check_promise()


def test_10_nothing_that_is_deployed_writes_to_a_chat():
    """There is no notifier in the trade path that could fail, or tell of its own failure."""
    root = Path(__file__).parents[2]
    sources = [*root.glob("layers/pumpwatch/**/*.py"), *root.glob("functions/**/*.py")]
    assert len(sources) > 50
    named = re.compile(r"slack|webhook|telegram|smtplib|\bsns\b", re.IGNORECASE)
    assert [str(one) for one in sources if named.search(one.read_text(encoding="utf-8"))] == []
