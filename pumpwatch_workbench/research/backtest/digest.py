"""One hash over every closed trade: two engines that agree on it made the same trades."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal

from pumpwatch.domain.trading.trades import Trade

ROUNDING = Context(prec=15, rounding=ROUND_HALF_EVEN)
"""More digits than any price or result means anything in; sums may differ in the 28th."""
LEAST = Decimal("1e-12")


def trades_sha256(trades: Iterable[Trade]) -> str:
    """Return the SHA-256 of the trades' lines, in order of entry, symbol and signal."""
    ordered = sorted(trades, key=lambda one: (one.entry_time or 0, one.symbol, one.signal_id))
    text = "".join(trade_line(trade) + "\n" for trade in ordered)
    return hashlib.sha256(text.encode()).hexdigest()


def trade_line(trade: Trade) -> str:
    """Return a closed trade as one line of JSON: times in milliseconds UTC, money in USDT."""
    return json.dumps(
        {
            "signal": trade.signal_id,
            "symbol": trade.symbol,
            "strategy": trade.strategy,
            "side": trade.side,
            "signal_time": trade.signal_time,
            "entry_time": trade.entry_time,
            "entry_price": _plain(trade.entry_price),
            "quantity": _plain(trade.quantity),
            "stop_loss": _plain(trade.stop_loss),
            "take_profit": _plain(trade.take_profit),
            "exit_time": trade.exit_time,
            "exit_price": _plain(trade.exit_price),
            "exit_reason": trade.exit_reason,
            "fees": _plain(trade.fees),
            "funding": _plain(trade.funding),
            "realised_pnl": _plain(trade.realised_pnl),
        }
    )


def _plain(value: Decimal | None) -> str | None:
    if value is None:
        return None
    rounded = ROUNDING.plus(value)
    return "0" if abs(rounded) < LEAST else f"{rounded.normalize(ROUNDING):f}"
