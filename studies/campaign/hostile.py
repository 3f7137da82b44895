"""A strategy that does what it can to hurt: the promise of trading holds whatever it says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from threading import Event
from typing import Any

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.plans import EntryPlan, Quote


class Hostile:
    """Answers each signal in a way that the signal's id chooses; some answers are sound."""

    side = Side.SELL
    time_limit_minutes = 8

    def acts_on(self, signal: Signal) -> bool:
        """Return True, or raise."""
        return bool(1 / (int(signal.signal_id, 16) % 23))

    def plan(self, signal: Signal, quote: Quote) -> Any:
        """Return what must not hurt. It hangs seldom, since that costs real time."""
        number = int(signal.signal_id, 16)
        if number % 60 == 0:
            Event().wait()
        buy = EntryPlan(Side.BUY, quote.ask * Decimal("0.9"), quote.ask * 2, 3 * MINUTE)
        sell = EntryPlan(Side.SELL, quote.bid * Decimal("1.1"), None, 2 * MINUTE)
        answers = (
            *(buy, sell) * 3,
            *(replace(buy, side=Side.SELL), replace(sell, side=Side.BUY, take_profit=quote.bid)),
            *(replace(buy, stop_loss=Decimal(text)) for text in ("NaN", "sNaN", "Infinity", "0")),
            *(replace(buy, stop_loss=quote.ask * Decimal(share)) for share in ("0.9997", "0.3")),
            *(replace(sell, time_limit=limit) for limit in (30 * MINUTE, -1, True)),
            *(replace(sell, take_profit=Decimal(-1)), None, {"side": "Buy"}, SystemExit),
        )
        object.__setattr__(quote, "ask", quote.bid * 9)
        if (answer := answers[number % len(answers)]) is SystemExit:
            raise SystemExit
        return answer
