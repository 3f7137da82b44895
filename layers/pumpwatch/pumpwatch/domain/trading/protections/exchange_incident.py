"""Trouble at the exchange: orders and stops would be as unreliable as its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from pumpwatch.domain.moments import MINUTE

from .base import Lock, TradingHistory


@dataclass(frozen=True, slots=True)
class ExchangeIncident:
    """Pause every symbol when too large a share of the last requests failed."""

    failure_fraction: Decimal
    min_requests: int
    pause_minutes: int
    name: ClassVar[str] = "exchange_incident"

    def check(self, history: TradingHistory, now: int) -> Sequence[Lock]:
        """Return the pause, from now on: the trouble lasts."""
        health = history.health
        enough = health.requests >= max(1, self.min_requests)
        if self.failure_fraction <= 0 or not enough:
            return []
        if health.failures < self.failure_fraction * health.requests:
            return []
        reason = f"{health.failures} of {health.requests} requests to the exchange failed"
        return [Lock(self.name, reason, now, now + self.pause_minutes * MINUTE)]
