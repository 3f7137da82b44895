"""Incidents of a world: which symbol one happens to, and with which figures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident

from .exchange import CampaignExchange
from .plan import HALF, Plan, Trouble

MOST_CLOSED_IN_PART = Decimal("0.6")
ON_OURS = frozenset(
    {
        *("auto_deleverage", "delist", "drop_stop", "funding", "halt_symbol", "liquidate"),
        *("manual_close", "move_stop", "odd_ours", "untold_close"),
    }
)
"""Incidents of a position."""
ON_OTHERS = frozenset({"hedge_stranger", "odd_stranger"})
"""Incidents in a symbol without a position, preferably about to have one."""


def incident_for(trouble: Trouble, symbol: str, exchange: CampaignExchange) -> Incident:
    """Return the incident with the figures that suit the position in a symbol."""
    index = exchange.indices[symbol]
    listing, open_size = (
        exchange.market.listings[index],
        exchange.engine.ledger.position(index).size,
    )
    size = Decimal(repr(round(trouble.size, 3)))
    figures: dict[str, Any] = {}
    match trouble.kind:
        case "auto_deleverage" | "manual_close" if size < MOST_CLOSED_IN_PART:
            figures["quantity"] = open_size * size
        case "price_gap":
            figures["fraction"] = size * Decimal("0.6") - Decimal("0.25")
        case "funding":
            figures["fraction"] = size * Decimal("0.04") - Decimal("0.03")
        case "partial_fill":
            figures["fraction"] = max(Decimal("0.01"), size)
        case "refuse_stop":
            figures["times"] = 1 + int(3 * size)
        case "change_filters":
            figures["min_quantity"] = listing.quantity_step * (5 if size < HALF else 10)
            figures["quantity_step"] = figures["min_quantity"]
            figures["min_notional"] = listing.min_notional * 2
    return Incident(trouble.kind, symbol, **figures)


def symbol_for(trouble: Trouble, plan: Plan, exchange: CampaignExchange) -> str | None:
    """Return a symbol that it matters to; None when it needs a position and there is none."""
    traded = sorted(position.symbol for position in exchange.engine.ledger.held())
    if trouble.kind in ON_OURS:
        symbols = traded
    else:
        soon = [s.symbol for tick, s in plan.signals if trouble.tick <= tick <= trouble.tick + 1]
        known = [symbol for symbol in soon if symbol in exchange.indices]
        open_too = [] if trouble.kind in ON_OTHERS else traded
        symbols = open_too + known or sorted(exchange.indices)
    return symbols[int(trouble.size * len(symbols))] if symbols else None
