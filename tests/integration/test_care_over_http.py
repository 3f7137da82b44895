"""Care for a position through pybit against the simulator, with one endpoint that never answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from support.simulated_trading import World

from pumpwatch.adapters.bybit import endpoints
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.errors import ExchangeUnavailable, OutcomeUnknown
from pumpwatch.settings.trade import TradeSettings

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
def world() -> Iterator[World]:
    world = World()
    yield world
    world.close()


def silence(world: World, silent: endpoints.Endpoint) -> None:
    sound = world.session.request

    def request(endpoint: endpoints.Endpoint, parameters: Any, **named: Any) -> Any:
        if endpoint == silent:
            error = OutcomeUnknown if endpoint.acts else ExchangeUnavailable
            raise error("no answer")
        return sound(endpoint, parameters, **named)

    world.session.request = request  # type: ignore[method-assign]


def test_an_exchange_with_demo_accounts_is_traded_in_demo_mode_alone() -> None:
    """It does not tell the key's rights, as Bybit's demo host."""
    world = World(demo=True)
    refused = world.enter()
    assert "trade in demo mode" in refused.blocked["access"]
    assert world.entries() == []
    url = world.server.url
    world.settings = TradeSettings(table_name="t-1", trading_mode="demo", bybit_base_url=url)
    world.use_case = world.cold()
    opened = world.tick()
    assert [trade.mode for trade in opened.opened] == ["demo"]
    assert any("nothing was checked" in happening.text for happening in opened.happenings)
    world.check_promise()
    world.tick(31)
    assert list(world.exchange.engine.ledger.open_positions()) == []
    world.close()


@pytest.mark.parametrize("endpoint", DISPENSABLE, ids=lambda one: one.path)
def test_stop_and_time_limit_hold_without_the_endpoint(
    world: World, endpoint: endpoints.Endpoint
) -> None:
    world.enter()
    world.happen("drop_stop")
    silence(world, endpoint)
    run(world, 1)
    (held,) = world.exchange.engine.ledger.open_positions()
    assert held.stop_loss is not None
    run(world, 31)
    assert list(world.exchange.engine.ledger.open_positions()) == []


def run(world: World, minute: int) -> None:
    try:
        world.tick(minute, use_case=world.cold())
    except ExchangeUnavailable:
        assert world.trade().state is not TradeState.DROPPED


def test_an_entry_that_the_exchange_matches_late_is_adopted(world: World) -> None:
    sound, kept = world.session.request, []

    def request(endpoint: endpoints.Endpoint, parameters: Any, **named: Any) -> Any:
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
    assert list(world.exchange.engine.ledger.open_positions()) == []
