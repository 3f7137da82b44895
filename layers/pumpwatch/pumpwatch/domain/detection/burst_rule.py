"""The fast part of the rule `boosted`: a learned judgement of a burst, seconds after it began.

Two scores judge each look: one is blind to the clock, the other also reads how far from a full or
half hour the burst began. Either may alarm, each above a threshold of its own, which depends on the
scan interval: more looks are more chances to be wrong. docs/model-card.md says what they were
trained on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from pumpwatch.domain.market.candles import FloatArray
from pumpwatch.domain.moments import SECOND

from .burst_traits import BURST_TRAITS, STEP, burst_traits, clock_traits
from .bursts import Look
from .learned import LearnedScore

LONGEST_INTERVAL = 30 * SECOND
"""Scans further apart say too little of the seconds between them."""
COARSE_STEP = 15 * SECOND
"""Distance of the prices that are looked at where scans are more than `STEP` apart."""
STRENGTH, JUMP = (
    BURST_TRAITS.index(name)
    for name in ("turnover of 60 s over the mean minute", "rise over the lowest of 60 s")
)


def step_of(interval: int) -> int:
    """Return the distance of the prices that scans so far apart look at, milliseconds."""
    return STEP if interval <= STEP else COARSE_STEP


@dataclass(frozen=True, slots=True)
class Verdict:
    """The judgement of a look."""

    alarm: bool
    margin: float
    """Log-odds of the better score above its threshold."""
    strength: float
    """Turnover of the last 60 s over the mean minute."""
    jump: float
    """Rise over the lowest price of the last 60 s, a fraction."""
    price: float
    base_price: float
    """Lowest price of the last 60 s."""


@dataclass(frozen=True, slots=True, eq=False)
class BurstScores:
    """Scores of rings with snapshots so far apart.

    `thresholds` holds those of the blind score and of the one with the clock by scan interval in
    milliseconds; an interval between two of them takes the stricter ones of the shorter.
    """

    blind: LearnedScore
    clock: LearnedScore
    thresholds: Mapping[int, tuple[float, float]]

    def least(self, interval: int) -> tuple[float, float]:
        """Return both thresholds for scans so far apart, milliseconds."""
        known = [stored for stored in self.thresholds if stored <= interval]
        return self.thresholds[max(known, default=min(self.thresholds))]


@dataclass(frozen=True, slots=True, eq=False)
class BurstRule:
    """Judges looks of scans that are `interval` milliseconds apart."""

    scores: BurstScores
    interval: int
    reads_clock: bool = True
    margin: float = 0.0
    """Added to both thresholds, log-odds: above zero fewer alarms, below more."""

    def __post_init__(self) -> None:
        if not 0 < self.interval <= LONGEST_INTERVAL:
            raise ValueError(f"scans {self.interval} ms apart are too rare to judge bursts")

    def judge(self, look: Look) -> Verdict | None:
        """Return the judgement; None where too little is known or it is no burst after all."""
        traits = burst_traits(look, step_of(self.interval))
        if traits is None:
            return None
        burst, begin = traits
        margin = self.margins(burst[None], clock_traits(begin)[None])[0]
        price = float(look.ring.last[0, -1])
        jump = float(burst[JUMP])
        return Verdict(
            alarm=bool(margin > self.margin),
            margin=float(margin),
            strength=float(np.exp(burst[STRENGTH])),
            jump=jump,
            price=price,
            base_price=price / (1.0 + jump),
        )

    def margins(self, burst: FloatArray, clock: FloatArray) -> FloatArray:
        """Return by how much the better score is above its threshold, (looks,).

        `burst` is shaped (looks, traits) and `clock` (looks, 2).
        """
        blind_least, clock_least = self.scores.least(self.interval)
        blind = self.scores.blind.score(burst) - blind_least
        if not self.reads_clock:
            return blind
        timed = np.concatenate([burst, clock], axis=1)
        better: FloatArray = np.maximum(blind, self.scores.clock.score(timed) - clock_least)
        return better
