"""Risk tiers: the larger a position, the more margin it must keep, by Bybit's risk-limit page."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

COUNT = 6


@dataclass(frozen=True, slots=True)
class Tier:
    """Terms of positions worth up to `limit` USDT; rates are fractions of the value."""

    number: int
    limit: Decimal
    maintenance: Decimal
    max_leverage: Decimal
    deduction: Decimal
    """`mmDeduction`: USDT off the maintenance margin, so that it does not jump at a limit."""


@lru_cache(maxsize=64)
def tiers(max_leverage: Decimal, maintenance: Decimal, step: Decimal) -> tuple[Tier, ...]:
    """Return a contract's tiers, `step` USDT each: the n-th asks n times the first one's margin."""
    least = Decimal(1)
    return tuple(
        Tier(
            n,
            step * n,
            maintenance * n,
            max(max_leverage / n, least).quantize(Decimal("0.01")),
            step * maintenance * n * (n - 1) / 2,
        )
        for n in range(1, COUNT + 1)
    )


def tier_of(known: tuple[Tier, ...], value: Decimal) -> Tier:
    """Return the tier of a position's value, the last one beyond them all."""
    return next((tier for tier in known if value <= tier.limit), known[-1])
