"""How often a run waits for the exchange: counted on the wire, with the threads of a function."""

from decimal import Decimal

import pytest
from support.rounds import Rounds
from support.simulated_trading import SYMBOL, World

from benchmarks.rounds import SentRequest, rounds
from pumpwatch.bootstrap.trade import MOST_READS
from pumpwatch_workbench.simulator.troubles.faults.catalogue import CREATE, POSITIONS

TO_ACKNOWLEDGEMENT, TO_VERIFIED_STOP = 2, 2
OTHER = "BTCUSDT"


def test_requests_count_as_rounds_only_where_one_waits_for_another():
    spans = [(0.0, 1.0), (0.1, 0.9), (1.0, 2.0), (1.1, 2.5), (2.6, 3.0)]
    assert rounds([SentRequest("", start, end, 0.0, 0) for start, end in spans]) == 3
    assert rounds([]) == 0


@pytest.mark.parametrize("leverage_differs", [0, 1], ids=["leverage is right", "leverage differs"])
@pytest.mark.parametrize("open_already", [0, 1], ids=["nothing is open", "one is open"])
def test_from_signal_to_acknowledgement_and_from_fill_to_verified_stop(
    open_already, leverage_differs
):
    """All reads in one round, the leverage where it must be set, the order; then one look."""
    counter = Rounds(MOST_READS)
    world = World(executor=counter.executor)
    if not leverage_differs:
        world.broker.set_leverage(SYMBOL, Decimal(1))
    facts = {"price": 60_000.0, "base_price": 50_000.0, "peak_price": 60_500.0}
    try:
        if open_already:
            world.publish(OTHER, signal_id="first", event_id="first", **facts)
        assert len(world.tick(name="warm-up").opened) == open_already
        world.publish(SYMBOL)
        with counter.counted() as sent:
            report = world.tick(name="entry")
    finally:
        world.close()
    assert [trade.symbol for trade in report.opened] == [SYMBOL]
    assert report.positions_without_stop == 0
    (acknowledged,) = [number for number, path in sent if path == CREATE]
    assert acknowledged == TO_ACKNOWLEDGEMENT + leverage_differs, sent
    # The look that saw the stop, and the run's last look at the account.
    # Each reads two pages: a list is followed until its cursor ends.
    _, seen, _, _ = [n for n, path in sent if path == POSITIONS and n > acknowledged]
    assert seen - acknowledged == TO_VERIFIED_STOP, sent
    assert all(trade.stop_verified is not None for trade in report.trades)
