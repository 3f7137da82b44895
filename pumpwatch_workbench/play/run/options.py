"""Options of a `pumpwatch run`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PREPARATION_MINUTES = 3
"""Market time that filling the history may take, since every request costs its latency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """One run. Without `replay` the market is simulated from `seed`; with it, recorded candles."""

    symbols: int = 600
    seed: int = 1
    minutes: int = 180
    """Market minutes that are played once the history is filled (simulated markets only)."""
    replay: Path | None = None
    detector: str = "boosted"
    strategy: str = "fade"
    balance_usdt: int = 10_000
    latency_ms: int = 60
    """Market time of each request."""
    detect_second: int = 30
    """Second of the minute at which the schedule fires: any in production, here in the middle."""
    trade_second: int = 45

    @property
    def live_minutes(self) -> int:
        """Return how long the simulated market is live, preparation included."""
        return self.minutes + PREPARATION_MINUTES
