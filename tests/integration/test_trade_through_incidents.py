"""What happens on an exchange besides our orders, met by the trade use case through pybit."""

from decimal import Decimal

import pytest
from support.simulated_trading import World

from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS
from pumpwatch_workbench.simulator.troubles.incidents.schedule import NEEDS_POSITION, OTHERS

D = Decimal
FIELDS = {
    "change_filters": {"quantity_step": D(1), "min_quantity": D(1), "min_notional": D(50)},
}
CASES = [(kind, "while it is open") for kind in sorted(set(KINDS) - OTHERS)] + [
    (kind, "before the entry") for kind in sorted(set(KINDS) - NEEDS_POSITION - OTHERS)
]


@pytest.fixture
def world():
    world = World()
    yield world
    world.close()


@pytest.mark.parametrize(("kind", "when"), CASES)
def test_the_promise_holds_through_every_incident(world, kind, when):
    """Whatever happened, the account is flat in the end and the journal knows it."""
    fields = FIELDS.get(kind, {})
    if when == "while it is open":
        world.enter()
        world.market_clock.advance_by(20_000)
        world.happen(kind, **fields)
    else:
        world.happen(kind, **fields)
        world.enter()
    for minute in range(1, 6):
        world.tick(minute)
    if kind == "halt_symbol":
        world.happen("resume_symbol")
    for minute in (6, 12, 18, 40, 46, 47):
        world.tick(minute)
    foreign = {position.symbol for position in world.exchange.engine.ledger.held()}
    trades = world.journal.trades_since(0)
    assert len(trades) == 1
    assert not trades[0].state.live
    assert not foreign or kind == "manual_open"
    assert len(world.entries()) <= 1
    if not foreign:
        assert world.longest_bare() <= 60_000


def test_a_symbol_that_somebody_else_trades_is_left_alone(world):
    world.happen("manual_order")
    world.happen("manual_open", "BTCUSDT")
    report = world.enter()
    assert (report.foreign_orders, report.foreign_positions) == (1, 1)
    assert "open order in this symbol that is not ours" in world.trade().denial
    held = list(world.exchange.engine.ledger.held())
    for minute in range(1, 4):
        world.tick(minute)
    assert [one.symbol for one in held] == ["BTCUSDT"]
    assert list(world.exchange.engine.ledger.held()) == held
