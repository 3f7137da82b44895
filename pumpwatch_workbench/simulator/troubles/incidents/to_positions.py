"""What happens to a position by the exchange's own hand."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.engine.prices import floor_to
from pumpwatch_workbench.simulator.engine.records import Position
from pumpwatch_workbench.simulator.engine.stops import sync_stops
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident, IncidentError


def held(engine: Engine, index: int, incident: Incident) -> Position:
    """Return the position in a contract. Raises IncidentError when there is none."""
    position = engine.ledger.position(index)
    if position.side is None:
        raise IncidentError(f"{incident.kind}: there is no position in {incident.symbol}")
    return position


def part(engine: Engine, index: int, asked: Decimal | None, size: Decimal) -> Decimal:
    """Return what is asked for of a size in whole steps, all of it when nothing is asked."""
    step = engine.market.listings[index].quantity_step
    return size if asked is None else min(size, max(floor_to(asked, step), step))


def forced(engine: Engine, index: int, incident: Incident, create_type: str) -> None:
    """Close a position by an order that the exchange itself makes."""
    position = held(engine, index, incident)
    quantity = part(engine, index, incident.quantity, position.size)
    price = incident.price or engine.mark(index)
    engine.matching.force(position, quantity, price, engine.time, create_type)


def auto_deleverage(engine: Engine, index: int, incident: Incident) -> None:
    """Close a position against a winner on the other side, as in a market without buyers."""
    forced(engine, index, incident, "CreateByAdl_PassThrough")


def liquidate(engine: Engine, index: int, incident: Incident) -> None:
    """Take a position over: its orders are cancelled, it is closed at the mark price."""
    held(engine, index, incident)
    for order in engine.ledger.open_orders(index):
        engine.ledger.settle(order, "Cancelled", engine.time, cancel="CancelByPrepareLiq")
    forced(engine, index, incident, "CreateByLiq")


def funding(engine: Engine, index: int, incident: Incident) -> None:
    """Settle a funding payment now, at -2 % unless a rate is given."""
    rate = incident.fraction if incident.fraction is not None else Decimal("-0.02")
    engine.ledger.pay_funding(held(engine, index, incident), rate, engine.time)


def drop_stop(engine: Engine, index: int, incident: Incident) -> None:
    """Take the stop off a position."""
    position = held(engine, index, incident)
    position.stop_loss = None
    sync_stops(engine.ledger, position, engine.time)
