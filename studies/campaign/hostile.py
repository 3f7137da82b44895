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

from .plan import LONGEST_TRADE

HANGS_EVERY = 60
"""One signal of so many, since each costs real time."""


class Hostile:
    """Answers each signal in one of its ways, which the signal's id chooses; some are sound."""

    side = Side.SELL
    time_limit_minutes = LONGEST_TRADE

    def acts_on(self, signal: Signal) -> bool:
        """Return True, or raise."""
        return bool(1 / (int(signal.signal_id, 16) % 23))

    def plan(self, signal: Signal, quote: Quote) -> Any:
        """Return what must not hurt."""
        number = int(signal.signal_id, 16)
        if number % HANGS_EVERY == 0:
            Event().wait()
        buy = EntryPlan(Side.BUY, quote.ask * Decimal("0.9"), quote.ask * 2, 3 * MINUTE)
        sell = EntryPlan(Side.SELL, quote.bid * Decimal("1.1"), None, 2 * MINUTE)
        answers: tuple[Any, ...] = (
            *(buy, sell) * 3,
            *(replace(buy, side=Side.SELL), replace(sell, side=Side.BUY, take_profit=quote.bid)),
            *(replace(buy, stop_loss=Decimal(text)) for text in ("NaN", "sNaN", "Infinity", "0")),
            *(replace(buy, stop_loss=quote.ask * Decimal(share)) for share in ("0.9997", "0.3")),
            *(replace(sell, time_limit=limit) for limit in (30 * MINUTE, -1, 1e6)),
            *(replace(sell, take_profit=Decimal(-1)), None, {"side": "Buy"}, SystemExit),
        )
        answer = answers[number % len(answers)]
        for name in ("bid", "ask"):
            object.__setattr__(quote, name, quote.last * 9)
        if answer is SystemExit:
            raise SystemExit
        return answer
