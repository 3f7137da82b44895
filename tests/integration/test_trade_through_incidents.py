"""Every incident of the exchange, met by the trade use case through pybit."""

from decimal import Decimal

import pytest
from support.simulated_trading import World

from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS
from pumpwatch_workbench.simulator.troubles.incidents.schedule import NEEDS_POSITION, OTHERS

FIELDS = {
    "change_filters": {
        "quantity_step": Decimal(1),
        "min_quantity": Decimal(1),
        "min_notional": Decimal(50),
    }
}
CASES = [(kind, True) for kind in sorted(set(KINDS) - OTHERS)]
CASES += [(kind, False) for kind in sorted(set(KINDS) - NEEDS_POSITION - OTHERS)]


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


@pytest.mark.parametrize(("kind", "is_open"), CASES)
def test_the_account_is_flat_in_the_end_and_the_journal_knows_it(world, kind, is_open):
    if is_open:
        world.enter()
        world.market_clock.advance_by(20_000)
    world.happen(kind, **FIELDS.get(kind, {}))
    if not is_open:
        world.enter()
    for minute in range(1, 6):
        world.tick(minute)
    if kind == "halt_symbol":
        world.happen("resume_symbol")
    for minute in (6, 12, 18, 40, 46, 47):
        world.tick(minute)
    strangers = list(world.exchange.engine.ledger.open_positions())
    (trade,) = world.journal.trades_since(0)
    assert not trade.state.live
    assert not strangers or kind == "manual_open"
    assert len(world.entries()) <= 1
    if not strangers:
        assert world.longest_bare() <= 60_000
