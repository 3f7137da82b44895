"""Many symbols that jump at once: when that is a move of the market, and who is looked at then."""

import numpy as np
import pytest

from pumpwatch.domain.detection.bursts import moves_at_once, strongest


def market(symbols, jumping, *, strength=10.5, rise=0.0035, unknown=0):
    """Return (strength, rise) of a calm market in which some symbols jump."""
    strengths, rises = np.full(symbols, 1.0), np.full(symbols, 0.0005)
    strengths[:jumping], rises[:jumping] = strength, rise
    strengths[symbols - unknown :] = np.nan
    return strengths, rises


@pytest.mark.parametrize(
    ("symbols", "jumping", "changes", "moves"),
    [
        (100, 20, {}, True),
        (100, 19, {}, False),
        (100, 16, {"unknown": 20}, True),
        (100, 15, {"unknown": 20}, False),
        (100, 20, {"strength": 10.0}, False),
        (100, 20, {"rise": 0.003}, False),
        (100, 100, {"rise": -0.05}, False),
        (20, 20, {}, True),
        (19, 19, {}, False),
        (39, 19, {"unknown": 20}, False),
        (0, 0, {}, False),
    ],
)
def test_the_market_moves_when_a_large_part_of_it_jumps(symbols, jumping, changes, moves):
    assert moves_at_once(*market(symbols, jumping, **changes)) is moves


def test_a_price_that_is_not_known_takes_no_part():
    strength, rise = market(25, 5)
    assert moves_at_once(strength, rise)
    rise[0] = np.nan
    assert not moves_at_once(strength, rise)


@pytest.mark.parametrize(
    ("strength", "cap", "rows"),
    [
        ([1.0, 90.0, 0.0, 200.0, np.nan, 90.0], 20, [3, 1, 5, 0]),
        ([1.0, 90.0, 0.0, 200.0, np.nan, 90.0], 2, [3, 1]),
        ([0.0, np.nan, -1.0], 20, []),
        ([np.inf, 3.0], 1, [0]),
        ([], 20, []),
    ],
)
def test_the_strongest_come_first_and_no_more_than_the_cap(strength, cap, rows):
    assert strongest(np.array(strength), cap).tolist() == rows


def test_of_a_whole_market_that_jumps_twenty_are_chosen():
    random = np.random.default_rng(3)
    strength = random.lognormal(4, 1, 1_000)
    chosen = strongest(strength, 20)
    assert strength[chosen].tolist() == sorted(strength, reverse=True)[:20]
