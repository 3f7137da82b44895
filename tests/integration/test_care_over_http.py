"""Care for a position through pybit against the simulator, with one endpoint that never answers."""

import pytest
from support.simulated_trading import World

from pumpwatch.adapters.bybit import endpoints
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.errors import ExchangeUnavailable, OutcomeUnknown

DISPENSABLE = (
    endpoints.TIME,
    endpoints.OPEN_ORDERS,
    endpoints.ORDER_HISTORY,
    endpoints.EXECUTIONS,
    endpoints.WALLET,
    endpoints.API_KEY,
    endpoints.INSTRUMENTS,
    endpoints.TICKERS,
    endpoints.ORDER_BOOK,
    endpoints.SET_LEVERAGE,
)


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


def silence(world, silent):
    sound = world.session.request

    def request(endpoint, parameters, **named):
        if endpoint == silent:
            error = OutcomeUnknown if endpoint.acts else ExchangeUnavailable
            raise error("no answer")
        return sound(endpoint, parameters, **named)

    world.session.request = request  # type: ignore[method-assign]


@pytest.mark.parametrize("endpoint", DISPENSABLE, ids=lambda one: one.path)
def test_stop_and_time_limit_hold_without_the_endpoint(world, endpoint):
    world.enter()
    world.happen("drop_stop")
    silence(world, endpoint)
    run(world, 1)
    (held,) = world.exchange.engine.ledger.held()
    assert held.stop_loss is not None
    run(world, 31)
    assert list(world.exchange.engine.ledger.held()) == []


def run(world, minute):
    try:
        world.tick(minute, use_case=world.cold())
    except ExchangeUnavailable:
        assert world.trade().state is not TradeState.DROPPED


def test_an_entry_that_the_exchange_matches_late_is_adopted(world):
    sound, kept = world.session.request, []

    def request(endpoint, parameters, **named):
        if endpoint is endpoints.CREATE_ORDER and not parameters["reduceOnly"] and not kept:
            kept.append(parameters)
            raise OutcomeUnknown("ReadTimeout")
        return sound(endpoint, parameters, **named)

    world.session.request = request  # type: ignore[method-assign]
    world.enter()
    world.tick(1)
    assert world.trade().state is TradeState.DROPPED
    sound(endpoints.CREATE_ORDER, kept[0])
    world.tick(2)
    assert world.trade().state is TradeState.OPEN
    world.tick(31)
    assert world.trade().state is TradeState.CLOSED
    assert list(world.exchange.engine.ledger.held()) == []
