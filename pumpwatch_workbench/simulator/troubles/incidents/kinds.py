"""Every kind of incident by name, and how one is made to happen.

`POST /simulator/incidents` takes them as JSON; a campaign applies them in process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.troubles.incidents import (
    by_strangers,
    to_markets,
    to_orders,
    to_positions,
)
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident, IncidentError

Work = Callable[[Engine, int, Incident], None]
KINDS: Mapping[str, Work] = {
    "announce_delisting": to_markets.announce_delisting,
    "auto_deleverage": to_positions.auto_deleverage,
    "band_cancel": to_orders.band_cancel,
    "change_filters": to_markets.change_filters,
    "delist": to_markets.delist,
    "drop_next_stop": to_orders.drop_next_stop,
    "drop_stop": to_positions.drop_stop,
    "funding": to_positions.funding,
    "funding_rate": to_markets.funding_rate,
    "forget_orders": to_orders.forget_orders,
    "halt_symbol": to_markets.halt_symbol,
    "hedge_mode": by_strangers.hedge_mode,
    "liquidate": to_positions.liquidate,
    "manual_close": by_strangers.manual_close,
    "manual_open": by_strangers.manual_open,
    "manual_order": by_strangers.manual_order,
    "odd_execution": by_strangers.odd_row,
    "odd_order": by_strangers.odd_row,
    "odd_position": by_strangers.odd_row,
    "partial_fill": to_orders.partial_fill,
    "price_gap": to_markets.price_gap,
    "refuse_stop": to_orders.refuse_stop,
    "resume_symbol": to_markets.resume_symbol,
    "thin_book": to_markets.thin_book,
}


def apply_incident(engine: Engine, incident: Incident) -> None:
    """Let it happen at the engine's present time.

    Raises IncidentError when it cannot: an unknown symbol, no position to close, a market that
    nothing can happen to.
    """
    work = KINDS.get(incident.kind)
    if work is None:
        raise IncidentError(f"no incident {incident.kind!r}; there are {', '.join(sorted(KINDS))}")
    symbols = [listing.symbol for listing in engine.market.listings]
    if incident.symbol not in symbols:
        raise IncidentError(f"no symbol {incident.symbol!r} on this exchange")
    try:
        work(engine, symbols.index(incident.symbol), incident)
    except Refused as refusal:
        raise IncidentError(f"{incident.kind}: {refusal.text}") from None
    engine.prices.forget()
    engine.ledger.version += 1
