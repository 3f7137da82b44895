"""Old prices: what looks like a stalled pump may be over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pumpwatch.domain.moments import SECOND

from .base import Lock, TradingHistory


@dataclass(frozen=True, slots=True)
class StaleData:
    """Pause every symbol, for a moment, when the market was seen too long ago."""

    max_age_seconds: int
    name: ClassVar[str] = "stale_data"

    def check(self, history: TradingHistory, now: int) -> Sequence[Lock]:
        """Return a pause as long as data may be old; the next tick judges again."""
        age = history.data_age
        if age is not None and age <= self.max_age_seconds * SECOND:
            return []
        seen = (
            "the market was not seen"
            if age is None
            else f"the market was seen {age / 1000:.1f} s ago"
        )
        return [Lock(self.name, seen, now, now + self.max_age_seconds * SECOND)]
