"""Scores made by hand, so that tests of what surrounds them do not depend on the trained ones."""

import math

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.burst_rule import BurstScores, step_of
from pumpwatch.domain.detection.burst_traits import BURST_TRAITS, CLOCK_TRAITS
from pumpwatch.domain.detection.learned import LearnedScore
from pumpwatch.domain.detection.model import Model
from pumpwatch.domain.detection.trade_traits import TRADE_TRAITS
from pumpwatch.domain.detection.traits import CANDLE_TRAITS
from pumpwatch.domain.moments import SECOND

LEAF = {"feature": [-1], "number": [0.0], "right": [0], "sizes": [1]}


def score(traits, least):
    """Return a score above zero where the named traits together are above what `least` sums to."""
    return LearnedScore.from_json(
        {
            "traits": traits,
            "threshold": 0.0,
            "intercept": -sum(least.values()),
            "middle": [0.0] * len(traits),
            "low": [-math.inf] * len(traits),
            "high": [math.inf] * len(traits),
            "weight": [float(trait in least) for trait in traits],
            "trees": LEAF,
        },
        traits,
    )


def model(*, jump=0.04, orders=2.0, burst=None):
    """Return a model: candles alarm above a jump, with trades above a number of buy orders.

    `orders` is a logarithm. `burst` gives what the score of bursts needs; without it all alarm.
    """
    needed = {"efficiency of the rise": -9.0} if burst is None else burst
    bursts = BurstScores(
        score(BURST_TRAITS, needed),
        score(BURST_TRAITS + CLOCK_TRAITS, needed),
        {SECOND: (0.0, 0.0)},
    )
    return Model(
        bursts={step_of(seconds * SECOND): bursts for seconds in range(1, 31)},
        candles=score(CANDLE_TRAITS, {"jump over the last close": jump}),
        trades=score(CANDLE_TRAITS + TRADE_TRAITS, {"effective number of buy orders": orders}),
        trained_on=frozenset(),
    )


def burst_rule(made=None, *, interval=5 * SECOND):
    """Return the fast rule of a model."""
    return (made or model()).burst_rule(interval)


def boosted(made=None, **settings):
    """Return the minute's rule of a model."""
    return Boosted(scores=made or model(), **settings)
