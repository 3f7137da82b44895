"""Moves of the whole market: many symbols jump at once, and not all of them can be looked at."""

from __future__ import annotations

import numpy as np

from pumpwatch.domain.market.candles import FloatArray, IntArray
from pumpwatch.domain.moments import MINUTE

LARGE_PART, FEWEST = 0.2, 20
"""Share of the known symbols that moves at once, and the fewest symbols that are a market."""
STRENGTH, RISE = 10.0, 0.003
"""A symbol takes part above both: mean minutes traded within 60 s, and rise of 60 s."""
CALM = 15 * MINUTE
"""Milliseconds without a move after which it is over."""


def moves_at_once(strength: FloatArray, rise: FloatArray) -> bool:
    """Return whether the whole market jumps.

    `strength` is the turnover of the last 60 s over that of the mean minute, `rise` the price's
    rise in them as a fraction, both shaped (symbols,), NaN where they are not known.
    """
    known = int((~np.isnan(strength) & ~np.isnan(rise)).sum())
    jumping = int(((strength > STRENGTH) & (rise > RISE)).sum())
    return known >= FEWEST and jumping >= LARGE_PART * known


def strongest(strength: FloatArray, cap: int) -> IntArray:
    """Return the rows of the symbols with strength, the strongest first, at most `cap` of them.

    Equals come in order of their rows; zero and NaN are no strength.
    """
    rows = np.flatnonzero(strength > 0)
    chosen: IntArray = rows[np.argsort(-strength[rows], kind="stable")][:cap]
    return chosen
