"""Hours of the week in which entries are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pumpwatch.domain.trading.weekly_hours import WeeklyHours

from .base import Lock, TradingHistory


@dataclass(frozen=True, slots=True)
class TradingHours:
    """Pause every symbol outside the hours, until they begin."""

    hours: WeeklyHours
    name: ClassVar[str] = "trading_hours"

    def check(self, history: TradingHistory, now: int) -> Sequence[Lock]:
        """Return the pause until the next opening."""
        if self.hours.is_open(now):
            return []
        reason = f"outside the trading hours {self.hours.text} ({self.hours.zone.key})"
        return [Lock(self.name, reason, now, self.hours.next_opening(now))]
