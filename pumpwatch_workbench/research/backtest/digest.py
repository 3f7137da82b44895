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
FIELDS = (
    "symbol", "strategy", "side", "signal_time", "entry_time", "entry_price", "quantity",
    "stop_loss", "take_profit", "exit_time", "exit_price", "exit_reason", "fees", "funding",
    "realised_pnl",
)  # fmt: skip


def trades_sha256(trades: Iterable[Trade]) -> str:
    """Return the SHA-256 of the trades' lines, in order of entry, symbol and signal."""
    ordered = sorted(
        trades, key=lambda trade: (trade.entry_time or 0, trade.symbol, trade.signal_id)
    )
    text = "".join(trade_line(trade) + "\n" for trade in ordered)
    return hashlib.sha256(text.encode()).hexdigest()


def trade_line(trade: Trade) -> str:
    """Return a closed trade as one line of JSON: times in milliseconds UTC, money in USDT."""
    fields = {name: _plain(getattr(trade, name)) for name in FIELDS}
    return json.dumps({"signal": trade.signal_id, **fields})


def _plain(value: object) -> object:
    if not isinstance(value, Decimal):
        return value
    rounded = ROUNDING.plus(value)
    return "0" if abs(rounded) < LEAST else f"{rounded.normalize(ROUNDING):f}"
