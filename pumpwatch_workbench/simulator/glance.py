"""GET /simulator/glance and /simulator/movers: the little that a live view needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pumpwatch_workbench.simulator.endpoints.wire.messages import money
from pumpwatch_workbench.simulator.endpoints.wire.rows import position_row
from pumpwatch_workbench.simulator.market.source import MINUTE_MS

if TYPE_CHECKING:
    from pumpwatch_workbench.simulator.exchange import Exchange

MOVERS = 5


def glance(exchange: Exchange) -> dict[str, object]:
    """Return time, equity, positions and the requests so far."""
    now = exchange.catch_up()
    ledger = exchange.engine.ledger
    return {
        "time": now,
        "end": exchange.market.end,
        "requests": sum(exchange.requests.values()),
        "equity": money(ledger.wallet + ledger.unrealised()),
        "positions": [position_row(ledger, held, now) for held in ledger.held()],
    }


def movers(exchange: Exchange) -> list[dict[str, object]]:
    """Return the symbols that moved most in the last minute; turnover is that of 24 hours."""
    now = exchange.catch_up()
    market = exchange.market
    view, before = market.view(now), market.view(max(market.start, now - MINUTE_MS))
    change = np.nan_to_num(view.last / before.last - 1.0)
    strongest = np.argsort(-np.abs(change), kind="stable")[:MOVERS]
    return [
        {
            "symbol": market.listings[index].symbol,
            "change": float(change[index]),
            "turnover": float(view.turnover_24h[index]),
        }
        for index in strongest
    ]
