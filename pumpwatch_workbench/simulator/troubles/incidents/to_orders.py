"""What happens to the next order that is placed."""

from __future__ import annotations

from decimal import Decimal

from pumpwatch_workbench.simulator.engine.engine import Engine
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident, IncidentError

CENTRE = Decimal("0.5")


def drop_next_stop(engine: Engine, index: int, incident: Incident) -> None:
    """Lose the stop that the next entry carries."""
    engine.interventions.drop_stop_of_next_entry.add(index)


def refuse_stop(engine: Engine, index: int, incident: Incident) -> None:
    """Refuse the next attempts to set a stop."""
    engine.interventions.refused_stops[index] = incident.times


def partial_fill(engine: Engine, index: int, incident: Incident) -> None:
    """Fill only a share of the next order."""
    fraction = incident.fraction if incident.fraction is not None else CENTRE
    if not 0 < fraction < 1:
        raise IncidentError("partial_fill: the fraction must lie between 0 and 1")
    engine.interventions.fill_fractions[index] = fraction


def band_cancel(engine: Engine, index: int, incident: Incident) -> None:
    """Fill nothing of the next market order: the price band cancels it."""
    engine.interventions.fill_fractions[index] = Decimal(0)


def forget_orders(engine: Engine, index: int, incident: Incident) -> None:
    """Let order/realtime know no order that is done, as after a restart of the exchange."""
    engine.ledger.recent.clear()
