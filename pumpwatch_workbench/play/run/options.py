"""Options of `pumpwatch run`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PREPARATION_MINUTES = 3
"""Market time that filling the history may take, since every request costs its latency."""
START = "2026-11-02T00:49:00Z"
"""Start of the simulated market: 11 minutes before the first full hour, at which the first pumps
come. Few contracts pay funding then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """One run. Without `replay` the market is simulated from `seed`; with it, recorded candles."""

    symbols: int = 600
    seed: int = 1
    minutes: int = 30
    """Market minutes that are played once the history is filled (simulated markets only)."""
    scan_interval: int = 5
    """Seconds between two scans of the market; at 60 only the schedule's runs scan."""
    replay: Path | None = None
    detector: str = "boosted"
    strategy: str = "fade"
    settings: Mapping[str, str] = field(default_factory=dict)
    """Other settings of both functions, by name; they are put where a stack's are pushed to."""
    balance_usdt: int = 10_000
    latency_ms: int = 60
    """Market time that each request takes."""
    detect_second: int = 30
    """Second of the minute at which the schedule fires; in production it can be any."""
    trade_second: int = 45

    @property
    def live_minutes(self) -> int:
        """Return how long the simulated market is live, preparation included."""
        return self.minutes + PREPARATION_MINUTES
