"""One wrong stamp, or our own wrong clock, closes nothing and leaves nothing bare."""

from dataclasses import replace

import pytest
from support.simulated_trading import World

from pumpwatch.adapters.bybit import session as bybit_session
from pumpwatch.domain.trading.trades import TradeState

HOUR = 3_600_000


@pytest.fixture
def world():
    made = World()
    yield made
    made.close()


def stamped(monkeypatch, change, times):
    """Let so many answers bear another time."""
    sound, left = bybit_session.read_envelope, [times]

    def read(body):
        envelope = sound(body)
        if envelope.stamp is None or not left[0]:
            return envelope
        left[0] -= 1
        return replace(envelope, stamp=change(envelope.stamp))

    monkeypatch.setattr(bybit_session, "read_envelope", read)


STAMPS = [
    lambda stamp: stamp + 20_000,
    lambda stamp: stamp + 2 * HOUR,
    lambda stamp: stamp + 8_760 * HOUR,
    lambda stamp: stamp - 2 * HOUR,
    lambda stamp: stamp // 1_000,
]


@pytest.mark.parametrize("change", STAMPS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_few_wrong_stamps_close_nothing(world, monkeypatch, change, times):
    world.enter()
    stamped(monkeypatch, change, times)
    for minute in range(1, 4):
        world.tick(minute)
        assert world.trade().state is TradeState.OPEN
        assert abs(world.clock.now() - world.market_clock.now()) < 5_000
    assert world.clock.doubt() == ""
    world.check_promise()


@pytest.mark.parametrize("ahead", [-7_200.0, 600.0, 259_200.0])
def test_a_cold_start_with_a_wrong_clock_sets_the_stop(world, ahead):
    world.enter()
    world.happen("drop_stop")
    world.start_cold(ahead)
    world.tick(1)
    (held,) = world.exchange.engine.ledger.open_positions()
    assert held.stop_loss is not None
