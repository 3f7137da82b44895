"""The cost of funding until a position's time limit."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

from pumpwatch.domain.market.snapshot import Instrument, MarketSnapshot
from pumpwatch.domain.moments import MINUTE

from .orders import Side
from .rounding import decimal_from


@dataclass(frozen=True, slots=True)
class FundingTerms:
    """A symbol's funding: longs pay shorts when the rate is positive, else shorts pay longs."""

    rate: Decimal
    """Share of the notional that is paid at each funding."""
    next_time: int
    """Milliseconds UTC."""
    interval: int
    """Milliseconds between two fundings."""

    @classmethod
    def of(cls, snapshot: MarketSnapshot, instrument: Instrument) -> FundingTerms | None:
        """Return the terms as the market's snapshot says them, None where it does not."""
        row = snapshot.symbols.index(instrument.symbol)
        rate, next_time = float(snapshot.funding_rate[row]), int(snapshot.next_funding[row])
        minutes = instrument.funding_interval_minutes
        if not math.isfinite(rate) or next_time <= 0 or minutes <= 0:
            return None
        return cls(decimal_from(rate), next_time, minutes * MINUTE)


def fundings_until(terms: FundingTerms, now: int, until: int) -> int:
    """Return how many fundings fall due after `now` and up to `until`.

    A next funding that lies in the past is taken as due at once: the answer errs on the dear side.
    """
    first = max(terms.next_time, now)
    if first > until:
        return 0
    return 1 + (until - first) // max(1, terms.interval)


def funding_cost(terms: FundingTerms, side: Side, now: int, until: int) -> Decimal:
    """Return the funding due as a share of the notional; negative when the position earns it."""
    rate = terms.rate if side is Side.BUY else -terms.rate
    return rate * fundings_until(terms, now, until)
