"""What somebody else does on the same account, by hand or with another program."""

from __future__ import annotations

from decimal import Decimal

from workbench.simulator.engine.engine import Engine
from workbench.simulator.engine.records import Side, opposite
from workbench.simulator.engine.requests import OrderRequest
from workbench.simulator.incidents.incident import Incident, IncidentError
from workbench.simulator.incidents.to_positions import held, part
from workbench.simulator.prices import floor_to

FAR = Decimal("0.05")
"""Distance of a stranger's resting order from the price."""


def _side(incident: Incident, default: Side) -> Side:
    if incident.side not in ("", "Buy", "Sell"):
        raise IncidentError(f"a side is Buy or Sell, not {incident.side!r}")
    return "Buy" if (incident.side or default) == "Buy" else "Sell"


def manual_close(engine: Engine, index: int, incident: Incident) -> None:
    """Close a position, or a part of it, at market."""
    position = held(engine, index, incident)
    assert position.side is not None  # noqa: S101 - held
    quantity = part(engine, index, incident.quantity, position.size)
    side = opposite(position.side)
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
