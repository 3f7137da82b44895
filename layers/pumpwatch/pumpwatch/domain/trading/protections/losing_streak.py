"""Several losses in a row: the market is not what the strategy takes it for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pumpwatch.domain.moments import MINUTE

from .base import Lock, TradingHistory


@dataclass(frozen=True, slots=True)
class LosingStreak:
    """Pause every symbol when the last trades all lost."""

    trades: int
    pause_minutes: int
    name: ClassVar[str] = "losing_streak"

    def check(self, history: TradingHistory, now: int) -> Sequence[Lock]:
        """Return the pause, from the last loss's exit on."""
        last = history.closed[-self.trades :] if self.trades > 0 else ()
        if len(last) < max(self.trades, 1) or any(trade.realised_pnl >= 0 for trade in last):
            return []
        since = last[-1].exit_time or 0
        until = since + self.pause_minutes * MINUTE
        if now >= until:
            return []
        reason = f"{self.trades} losing trades in a row, the last in {last[-1].symbol}"
        return [Lock(self.name, reason, since, until)]
