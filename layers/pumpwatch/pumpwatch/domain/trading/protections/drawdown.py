"""The fall from the highest equity of the last hours, as a share of it.

It rolls: neither a slow bleed nor a loss before midnight escapes it, as they do a daily limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import ClassVar

from pumpwatch.domain.moments import HOUR, MINUTE

from .base import Lock, TradingHistory


@dataclass(frozen=True, slots=True)
class Drawdown:
    """Pause at one depth, halt at a greater one; 0 switches either off.

    The equity curve is rebuilt from now backwards over the closed trades, so that deposits and
    withdrawals are no part of it. Without a known equity it gives no judgement.
    """

    lookback_hours: int
    pause_fraction: Decimal
    pause_minutes: int
    halt_fraction: Decimal
    name: ClassVar[str] = "drawdown"

    def check(self, history: TradingHistory, now: int) -> Sequence[Lock]:
        """Return the halt, or the pause, that the present depth asks for."""
        if history.equity is None:
            return []
        if history.equity <= 0:
            lost = Lock(self.name, "the account has no equity left", now, None)
            return [lost] if self.halt_fraction > 0 else []
        curve = self._curve(history, history.equity, now)
        peak = max(equity for _, equity in curve)
        depth = (peak - history.equity) / peak
        reason = (
            f"equity has fallen by {depth:.2%} from {peak:.2f} USDT in {self.lookback_hours} hours"
        )
        if 0 < self.halt_fraction <= depth:
            return [Lock(self.name, reason, now, None)]
        if not 0 < self.pause_fraction <= depth:
            return []
        since = self._since(curve, now)
        until = since + self.pause_minutes * MINUTE
        return [Lock(self.name, reason, since, until)] if now < until else []

    def _curve(
        self, history: TradingHistory, equity: Decimal, now: int
    ) -> list[tuple[int, Decimal]]:
        """Return (time, equity) from the look-back's start to now, open profit only at the end."""
        start = now - self.lookback_hours * HOUR
        points = [(now, equity)]
        realised = equity - history.unrealised
        for trade in reversed(history.closed):
            if (trade.exit_time or 0) < start:
                break
            points.append((trade.exit_time or 0, realised))
            realised -= trade.realised_pnl
        points.append((start, realised))
        return points[::-1]

    def _since(self, curve: Sequence[tuple[int, Decimal]], now: int) -> int:
        """Return when the last fall to the pause's depth happened.

        It is the last close that made the equity smaller while it was that deep already or became
        so, `now` when only an open loss did; once a pause has expired, only a new loss can trigger
        another.
        """
        peak, since = curve[0][1], now
        for (_, before), (time, equity) in pairwise(curve[:-1]):
            peak = max(peak, equity)
            if equity < before and peak - equity >= self.pause_fraction * peak:
                since = time
        return since
