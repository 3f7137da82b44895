"""What somebody else does on the same account, by hand or with another program."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.engine.prices import floor_to
from pumpwatch_workbench.simulator.engine.records import Side
from pumpwatch_workbench.simulator.engine.requests import OrderRequest
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident, IncidentError
from pumpwatch_workbench.simulator.troubles.incidents.to_positions import held, part

FAR = Decimal("0.05")
"""Distance of a stranger's resting order from the price."""
ODD = {
    "odd_position": (
        *(("side", ""), ("size", ""), ("size", "-1"), ("markPrice", ""), ("avgPrice", "0")),
        *(("updatedTime", ""), ("positionStatus", "Adl")),
    ),
    "odd_order": (
        *(("orderStatus", "PendingReview"), ("side", ""), ("qty", ""), ("updatedTime", "")),
        ("createdTime", ""),
    ),
    "odd_execution": (("execType", "Unheard"), ("execQty", ""), ("execPrice", ""), ("side", "")),
}
"""Fields and values of odd rows, the first for an incident that names none."""


def _side(incident: Incident, default: Side) -> Side:
    if incident.side not in ("", "Buy", "Sell"):
        raise IncidentError(f"a side is Buy or Sell, not {incident.side!r}")
    return "Buy" if (incident.side or default) == "Buy" else "Sell"


def manual_close(engine: Engine, index: int, incident: Incident) -> None:
    """Close a position, or a part of it, at market."""
    position = held(engine, index, incident)
    quantity = part(engine, index, incident.quantity, position.size)
    side = position.closing_side
    engine.create(OrderRequest(index, side, "Market", quantity, reduce_only=True))


def _small(engine: Engine, index: int, incident: Incident, price: Decimal) -> Decimal:
    """Return the quantity asked for, else the smallest that is worth an order."""
    listing = engine.market.listings[index]
    if incident.quantity is not None:
        return incident.quantity
    steps = (listing.min_notional * 2 / price) // listing.quantity_step + 1
    return max(listing.min_quantity, steps * listing.quantity_step)


def manual_open(engine: Engine, index: int, incident: Incident) -> None:
    """Open or add to a position at market."""
    quantity = _small(engine, index, incident, engine.mark(index))
    engine.create(OrderRequest(index, _side(incident, "Buy"), "Market", quantity))


def manual_order(engine: Engine, index: int, incident: Incident) -> None:
    """Place a limit order that rests far from the price."""
    listing, last = engine.market.listings[index], engine.prices.last(index, engine.time)
    side = _side(incident, "Buy")
    away = last * (1 - FAR if side == "Buy" else 1 + FAR)
    price = incident.price or max(floor_to(away, listing.tick_size), listing.tick_size)
    quantity = _small(engine, index, incident, price)
    engine.create(OrderRequest(index, side, "Limit", quantity, price=price))


def odd_row(engine: Engine, index: int, incident: Incident) -> None:
    """Let a field of the symbol's rows be odd for a while; a stranger brings a row if need be."""
    name = incident.kind.removeprefix("odd_")
    if name == "order" and not engine.ledger.open_orders(index):
        manual_order(engine, index, incident)
    if name != "order" and engine.ledger.position(index).side is None:
        manual_open(engine, index, incident)
    field, value = (incident.field, incident.value) if incident.field else ODD[incident.kind][0]
    until = engine.time + incident.milliseconds
    engine.interventions.odd_rows[name, index] = until, {field: value}


def hedge_mode(engine: Engine, index: int, incident: Incident) -> None:
    """Let the symbol be in hedge mode, with a stranger's position in it, or (times 0) no more."""
    if not incident.times:
        engine.interventions.hedged.discard(index)
        return
    if engine.ledger.position(index).side is None:
        manual_open(engine, index, incident)
    engine.interventions.hedged.add(index)
