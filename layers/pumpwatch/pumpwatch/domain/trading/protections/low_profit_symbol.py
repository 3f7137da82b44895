"""A long pause of a symbol that has brought too little in several trades."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from pumpwatch.domain.moments import HOUR
from pumpwatch.domain.trading.trades import Trade

from .base import Lock, TradingHistory


@dataclass(frozen=True, slots=True)
class LowProfitSymbol:
    """Pause a symbol whose trades together earned less than a share of what was traded."""

    trades: int
    lookback_hours: int
    fraction: Decimal
    pause_hours: int
    name: ClassVar[str] = "low_profit_symbol"

    def check(self, history: TradingHistory, now: int) -> Sequence[Lock]:
        """Return a pause for each such symbol, from its last exit on."""
        start = now - self.lookback_hours * HOUR
        by_symbol: defaultdict[str, list[Trade]] = defaultdict(list)
        for trade in history.closed:
            if (trade.exit_time or 0) >= start:
                by_symbol[trade.symbol].append(trade)
        locks = (self._lock(symbol, trades, now) for symbol, trades in sorted(by_symbol.items()))
        return [lock for lock in locks if lock is not None]

    def _lock(self, symbol: str, trades: Sequence[Trade], now: int) -> Lock | None:
        since = trades[-1].exit_time or 0
        until = since + self.pause_hours * HOUR
        if self.trades <= 0 or len(trades) < self.trades or now >= until:
            return None
        notional = sum((t.quantity * (t.entry_price or Decimal(0)) for t in trades), Decimal(0))
        profit = sum((trade.realised_pnl for trade in trades), Decimal(0))
        if profit >= self.fraction * notional:
            return None
        reason = f"{len(trades)} trades in {symbol} brought {profit:.2f} USDT in all"
        return Lock(self.name, reason, since, until, symbol)
