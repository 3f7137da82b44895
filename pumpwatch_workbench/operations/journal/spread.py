"""Percentiles of measurements."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

RANKS = (50, 95, 99)


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles and the largest of some measurements, in their own unit."""

    count: int
    p50: float
    p95: float
    p99: float
    largest: float


def spread_of(values: Iterable[float | None]) -> Spread | None:
    """Return the percentiles of the values that are known, by linear interpolation."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    p50, p95, p99 = (float(one) for one in np.percentile(known, RANKS))
    return Spread(len(known), p50, p95, p99, max(known))
