"""The cooldown of a symbol after a trade: its market tends to be thin and jumpy then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from pumpwatch.domain.moments import MINUTE

from .base import Lock, TradingHistory


@dataclass(frozen=True, slots=True)
class SymbolCooldown:
    """Pause a symbol for some minutes after a trade in it was closed."""

    minutes: int
    name: ClassVar[str] = "symbol_cooldown"

    def check(self, history: TradingHistory, now: int) -> Sequence[Lock]:
        """Return a pause for each symbol whose last trade is young."""
        last = {trade.symbol: trade.exit_time or 0 for trade in history.closed}
        return [
            Lock(self.name, f"a trade in {symbol} was just closed", closed, until, symbol)
            for symbol, closed in sorted(last.items())
            if now < (until := closed + self.minutes * MINUTE)
        ]
