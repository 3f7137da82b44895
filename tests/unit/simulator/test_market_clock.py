import threading

import pytest

from pumpwatch_workbench.simulator.market.clock import MarketClock


class Wall:
    def __init__(self, now=1_000_000):
        self.now = now

    def __call__(self):
        return self.now


def test_a_clock_without_a_start_tells_the_walls_time_at_speed_one():
    wall = Wall()
    clock = MarketClock(wall=wall)
    wall.now += 12_345
    assert clock.now() == wall.now


def test_market_time_runs_at_the_given_speed_from_the_given_start():
    wall = Wall()
    clock = MarketClock(start=500, speed=60.0, wall=wall)
    wall.now += 1_000
    assert clock.now() == 500 + 60_000


def test_market_time_never_goes_back_when_the_wall_does():
    wall = Wall()
    clock = MarketClock(wall=wall)
    wall.now += 500
    before = clock.now()
    wall.now -= 400
    assert clock.now() == before


def test_a_stepped_clock_moves_only_by_hand():
    wall = Wall()
    clock = MarketClock(start=100, stepped=True, wall=wall)
    wall.now += 99_999
    assert clock.now() == 100
    assert clock.advance_by(50) == 150
    assert clock.advance_to(150) == 150
    assert clock.advance_to(1_000) == 1_000
    assert clock.now() == 1_000
    assert clock.stepped


def test_a_stepped_clock_refuses_to_go_back():
    clock = MarketClock(start=100, stepped=True)
    with pytest.raises(ValueError, match="cannot go back from 100 to 99"):
        clock.advance_to(99)
    with pytest.raises(ValueError, match="cannot go back from 100 to 99"):
        clock.advance_by(-1)
    assert clock.now() == 100


def test_a_clock_that_follows_the_wall_refuses_to_be_stepped():
    clock = MarketClock(start=100)
    with pytest.raises(RuntimeError, match="follows the wall"):
        clock.advance_by(1)


@pytest.mark.parametrize("speed", [0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_not_positive_and_finite_is_refused(speed):
    with pytest.raises(ValueError, match="speed must be positive"):
        MarketClock(speed=speed)


def test_a_stepped_clock_without_a_start_is_refused():
    with pytest.raises(ValueError, match="needs a start"):
        MarketClock(stepped=True)


def test_steps_from_several_threads_all_count():
    clock = MarketClock(start=0, stepped=True)
    threads = [
        threading.Thread(target=lambda: [clock.advance_by(1) for _ in range(500)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == 2_000
