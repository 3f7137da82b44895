import threading

import pytest

from pumpwatch_workbench.simulator.market.clock import MarketClock


@pytest.mark.parametrize(
    ("options", "begin"), [({}, 1_000), ({"start": 500}, 500), ({"start": 500, "speed": 60.0}, 500)]
)
def test_market_time_runs_at_the_speed_asked_for_and_never_back(options, begin):
    walls = iter([1_000, 1_000, 1_700, 1_200])
    clock = MarketClock(wall=lambda: next(walls), **options)
    later = begin + 700 * options.get("speed", 1)
    assert [clock.now() for _ in range(3)] == [begin, later, later]


def test_a_stepped_clock_moves_only_by_hand_and_only_forward():
    walls = iter([1_000, 99_999])
    clock = MarketClock(start=100, stepped=True, wall=lambda: next(walls))
    assert clock.stepped
    assert (clock.now(), clock.advance_by(50), clock.advance_to(150)) == (100, 150, 150)
    with pytest.raises(ValueError, match="cannot go back from 150 to 149"):
        clock.advance_to(149)
    with pytest.raises(ValueError, match="cannot go back from 150 to 149"):
        clock.advance_by(-1)
    assert (clock.now(), clock.advance_to(1_000), clock.now()) == (150, 1_000, 1_000)


def test_a_clock_that_follows_the_wall_refuses_to_be_stepped():
    clock = MarketClock(start=100)
    with pytest.raises(RuntimeError, match="follows the wall"):
        clock.advance_by(1)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        *(
            ({"speed": speed}, "must be positive")
            for speed in (0, -1.0, float("nan"), float("inf"))
        ),
        ({"stepped": True}, "needs a start"),
    ],
)
def test_a_clock_that_cannot_be_is_refused(options, text):
    with pytest.raises(ValueError, match=text):
        MarketClock(**options)


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
