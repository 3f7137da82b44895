"""Every fault of the simulator through pybit: the error it becomes, and what really happened."""

from decimal import Decimal

import pytest
from support.scripted_market import START, ScriptedMarket

from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.session import BybitSession, ExchangeClock
from pumpwatch.adapters.deadlines import NoDeadline
from pumpwatch.credentials import ExchangeKey
from pumpwatch.domain.trading.orders import OrderRequest, OrderState, Side
from pumpwatch.errors import (
    DuplicateOrder,
    ExchangeForbidden,
    ExchangeUnavailable,
    KeyRefused,
    OutcomeUnknown,
    RetryLater,
)
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.market_time import MarketTime
from pumpwatch_workbench.simulator.server import SimulatorServer
from pumpwatch_workbench.simulator.troubles.faults.catalogue import CREATE, KINDS, POSITIONS
from pumpwatch_workbench.simulator.troubles.faults.forms import faults_from_json
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule

SYMBOL, ORDER_ID = "PUMPUSDT", "entry-1"
PATIENCE = 1.0
"""Seconds a request may take; a dripping body takes longer."""

CONDITIONS = {"stale_orders", "stale_positions", "stale_history"}
HIDDEN = {"hidden_order", "hidden_order_empty"}
SLOW_DOWN = {"rate_10006", "rate_10006_bare", "rate_10006_past", "rate_10006_far", "too_many_429"}
CLOCK = {"clock_ahead", "clock_behind"}
FORBIDDEN = {"forbidden_page", "forbidden_text"}
KEY = {"unauthorised"}
DUPLICATE = {"duplicate_delivery"}
FINE = CONDITIONS | HIDDEN | {"delay"}
DOUBTFUL = set(KINDS) - FINE - SLOW_DOWN - CLOCK - FORBIDDEN - KEY - DUPLICATE

ORDER_ERRORS: dict[str, type[Exception]] = {
    **dict.fromkeys(DOUBTFUL, OutcomeUnknown),
    **dict.fromkeys(SLOW_DOWN | CLOCK, ExchangeUnavailable),
    **dict.fromkeys(FORBIDDEN, ExchangeForbidden),
    **dict.fromkeys(KEY, KeyRefused),
    **dict.fromkeys(DUPLICATE, DuplicateOrder),
}
NEVER_PLACED = {
    *{"drop_before", "reset_before", "timeout_10000", "error_10016", "http_500", "http_502"},
    *{"http_503", "not_json", "empty"},
    *(SLOW_DOWN | CLOCK | FORBIDDEN | KEY),
}


class Rig:
    """The broker of production against the simulator, over HTTP."""

    def __init__(self, exchange, url):
        key = credentials_from_seed(7)
        self.exchange = exchange
        self.waits: list[float] = []
        self.session = BybitSession(
            url,
            key=ExchangeKey(key.api_key, key.api_secret),
            timeout_seconds=PATIENCE,
            wait=self.waits.append,
            exchange_time=MarketTime(),
        )
        self.broker = BybitBroker(self.session, ExchangeClock(self.session))
        self.session.time()

    def fault(self, name, path, **fields):
        rule = {"path": path, "fault": name, **fields}
        self.exchange.faults = faults_from_json({"faults": [rule]}).plan

    def place(self, order_id=ORDER_ID):
        request = OrderRequest(
            order_id,
            SYMBOL,
            Side.SELL,
            Decimal(1),
            reduce_only=False,
            stop_loss=Decimal(110),
            limit_price=Decimal(99),
        )
        return self.broker.place(request)

    def sent(self, path):
        return self.exchange.requests[path]

    def placed(self):
        return ORDER_ID in self.exchange.engine.ledger.by_link

    def pass_time(self, milliseconds):
        self.exchange.clock.advance_by(milliseconds)


@pytest.fixture
def rig():
    exchange = Exchange(
        ScriptedMarket({SYMBOL: [(0, 100.0)]}),
        MarketClock(start=START, stepped=True),
        credentials_from_seed(7),
        ExchangeSettings(rate_limits=False),
    )
    with SimulatorServer(exchange) as server:
        rig = Rig(exchange, server.url)
        yield rig
        rig.session.close()


# --- sending an order --------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(KINDS) - FINE))
def test_order_that_meets_a_fault_is_sent_once_and_its_error_says_what_to_do(rig, name):
    rig.fault(name, CREATE, times=9)
    with pytest.raises(ORDER_ERRORS[name]) as raised:
        rig.place()
    assert type(raised.value) is ORDER_ERRORS[name]
    assert rig.sent(CREATE) == 1
    assert rig.exchange.injected == {name: 1}
    assert rig.placed() == (name not in NEVER_PLACED)


@pytest.mark.parametrize("name", sorted(DOUBTFUL))
def test_order_in_doubt_is_found_with_its_stop_if_it_arrived(rig, name):
    rig.fault(name, CREATE)
    with pytest.raises(OutcomeUnknown):
        rig.place()
    order, positions = rig.broker.find_order(SYMBOL, ORDER_ID), rig.broker.positions()
    if name in NEVER_PLACED:
        assert (order, list(positions)) == (None, [])
        return
    assert (order.state, order.filled_quantity) == (OrderState.FILLED, 1)
    assert [(position.quantity, position.stop_loss) for position in positions] == [(1, 110)]


@pytest.mark.parametrize("name", sorted(FINE))
def test_order_is_accepted_under_a_fault_that_is_not_about_it(rig, name):
    rig.fault(name, CREATE)
    assert rig.place()
    assert rig.exchange.injected == {name: 1}
    assert rig.placed()


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_after_a_403_nothing_more_is_sent_in_the_run(rig, name):
    rig.fault(name, CREATE)
    with pytest.raises(ExchangeForbidden):
        rig.place()
    before = sum(rig.exchange.requests.values())
    for ask in (rig.place, rig.broker.positions, rig.broker.account, rig.session.time):
        with pytest.raises(ExchangeForbidden):
            ask()
    assert sum(rig.exchange.requests.values()) == before
    rig.session.start_run(NoDeadline())
    assert rig.place()


# --- asking ------------------------------------------------------------------------------

HOPELESS = FORBIDDEN | KEY | CLOCK
"""Errors of a question that are not cured by asking again."""
OF_ORDERS = CONDITIONS | HIDDEN | DUPLICATE | {"delay"}
HEALED = set(KINDS) - OF_ORDERS - HOPELESS - {"too_many_429"}


@pytest.mark.parametrize("name", sorted(set(KINDS) - OF_ORDERS))
def test_question_that_meets_a_fault_again_is_left_to_the_next_tick(rig, name):
    rig.fault(name, POSITIONS, times=9)
    expected = {
        **dict.fromkeys(FORBIDDEN, ExchangeForbidden),
        **dict.fromkeys(KEY, KeyRefused),
    }.get(name, ExchangeUnavailable)
    with pytest.raises(expected) as raised:
        rig.broker.positions()
    assert type(raised.value) is expected
    assert expected is not ExchangeUnavailable or isinstance(raised.value, RetryLater)
    assert rig.sent(POSITIONS) <= (1 if name in HOPELESS else 2)


@pytest.mark.parametrize("name", sorted(HEALED - {"null_result"}))
def test_question_that_meets_a_fault_once_is_asked_a_second_time(rig, name):
    rig.place()
    rig.fault(name, POSITIONS)
    (position,) = rig.broker.positions()
    assert position.quantity == 1
    assert rig.sent(POSITIONS) == 3  # the list ends where its cursor does
    assert rig.exchange.injected == {name: 1}


@pytest.mark.parametrize(
    ("name", "pause"),
    [
        ("rate_10006", (0.1, 0.4)),
        ("rate_10006_bare", (1.0, 1.0)),
        ("rate_10006_past", (0.1, 0.1)),
        ("rate_10006_far", (2.0, 2.0)),
    ],
)
def test_pause_after_too_many_visits_is_never_negative_nor_without_end(rig, name, pause):
    rig.fault(name, POSITIONS)
    rig.waits.clear()
    rig.broker.positions()
    (waited,) = [seconds for seconds in rig.waits if seconds]
    assert pause[0] <= waited <= pause[1]


@pytest.mark.parametrize("name", sorted(HIDDEN))
def test_filled_order_that_is_hidden_is_not_found_until_later_though_its_position_is(rig, name):
    rig.fault(name, CREATE, lasts_ms=1_000)
    rig.place()
    assert rig.broker.find_order(SYMBOL, ORDER_ID) is None
    assert len(rig.broker.positions()) == 1
    rig.pass_time(1_000)
    found = rig.broker.find_order(SYMBOL, ORDER_ID)
    assert found is not None
    assert found.state is OrderState.FILLED


def test_lagging_positions_deny_a_position_that_is_there(rig):
    rig.fault("stale_positions", CREATE, lag_ms=2_000, lasts_ms=2_000)
    rig.place()
    assert list(rig.broker.positions()) == []
    assert rig.broker.find_order(SYMBOL, ORDER_ID) is not None
    rig.pass_time(2_000)
    assert len(rig.broker.positions()) == 1


def test_lagging_orders_and_history_deny_an_order_that_is_there(rig):
    row = {"path": CREATE, "action": "stale", "lag_ms": 2_000, "lasts_ms": 2_000}
    row["lists"] = ["orders", "history", "executions"]
    rig.exchange.faults = faults_from_json({"faults": [row]}).plan
    rig.place()
    assert list(rig.broker.open_orders()) == []
    assert list(rig.broker.fills(SYMBOL, since=START)) == []
    assert rig.broker.find_order(SYMBOL, ORDER_ID) is None
    assert len(rig.broker.positions()) == 1
    rig.pass_time(2_000)
    assert [order.reduce_only for order in rig.broker.open_orders()] == [True]
    assert len(rig.broker.fills(SYMBOL, since=START)) == 1


@pytest.mark.parametrize("skew", [-1_500, 6_000])
def test_clock_that_is_out_refuses_every_signed_call_but_none_without_a_key(rig, skew):
    rig.exchange.clock_skew_ms = skew
    with pytest.raises(ExchangeUnavailable, match="10002"):
        rig.broker.positions()
    with pytest.raises(ExchangeUnavailable, match="10002"):
        rig.place()
    assert not rig.placed()
    assert rig.session.time() == START
    rig.exchange.clock_skew_ms = 0
    assert list(rig.broker.positions()) == []


# --- a schedule --------------------------------------------------------------------------


def test_trading_under_a_schedule_never_ends_in_an_unnamed_error_and_never_fills_twice(rig):
    kinds = set(KINDS) - FORBIDDEN - {"drip"}
    rig.exchange.faults = FaultSchedule(5, 0.3, kinds=kinds)
    named = (RetryLater, OutcomeUnknown, KeyRefused, DuplicateOrder)
    unknown = 0
    for number in range(60):
        for ask in (
            lambda number=number: rig.place(f"order-{number}"),
            rig.broker.positions,
            lambda number=number: rig.broker.find_order(SYMBOL, f"order-{number}"),
        ):
            try:
                ask()
            except named as error:
                unknown += isinstance(error, OutcomeUnknown)
        rig.pass_time(700)
    assert unknown >= 5
    assert len(rig.exchange.injected) > 20
    ledger = rig.exchange.engine.ledger
    filled = [order.link_id for order in ledger.orders.values() if order.filled]
    assert len(filled) == len(set(filled)) > 30
