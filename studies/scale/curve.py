"""Straight lines through what was measured, and how wrong they were where it was checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pumpwatch.errors import BadInput


@dataclass(frozen=True, slots=True)
class Line:
    """y = at_zero + slope * x."""

    at_zero: float
    slope: float

    def at(self, x: float) -> float:
        """Return y."""
        return self.at_zero + self.slope * x

    def error(self, x: float, measured: float) -> float:
        """Return how far the line lies above (positive) a measured point, as a fraction of it."""
        return self.at(x) / measured - 1


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """Return the line of least squares; it never falls: work does not shrink as a market grows.

    Raises `BadInput` for fewer than two different places.
    """
    if len(set(x)) < 2 or len(x) != len(y):  # noqa: PLR2004 - a line
        raise BadInput("a line needs measurements at two different places")
    slope, at_zero = (float(one) for one in np.polyfit(x, y, 1))
    if slope < 0:
        return Line(float(np.mean(y)), 0.0)
    return Line(at_zero, slope)
