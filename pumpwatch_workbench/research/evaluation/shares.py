"""Confidence intervals of a share and of a count."""

from __future__ import annotations

import math

NORMAL_95 = 1.959963984540054


def wilson_interval(won: int, trades: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a share by Wilson's score method (1927); None without trades."""
    if trades == 0:
        return None
    share, square = won / trades, NORMAL_95**2 / trades
    middle = (share + square / 2) / (1 + square)
    reach = NORMAL_95 / (1 + square) * math.sqrt(share * (1 - share) / trades + square / 4 / trades)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def poisson_interval(count: int) -> tuple[float, float]:
    """Return the 95 % interval of the mean of a Poisson count, by Byar's approximation."""

    def bound(number: int, sign: int) -> float:
        return number * (1 - 1 / (9 * number) + sign * NORMAL_95 / (3 * math.sqrt(number))) ** 3

    return bound(count, -1) if count else 0.0, bound(count + 1, 1)
