"""Incidents as JSON: the body of `POST /simulator/incidents`."""

from __future__ import annotations

from collections.abc import Mapping

from pumpwatch_workbench.simulator.troubles.forms import (
    Reader,
    TroubleError,
    number,
    read_fields,
    read_schedule,
    text,
    whole,
)
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident
from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS
from pumpwatch_workbench.simulator.troubles.incidents.schedule import IncidentSchedule

FORM = (
    'expected {"incidents": [...]}, or {"seed": S, "rate": R, "kinds": [...]} with a rate from 0'
    " to 1 (0 ends the schedule)"
)
READERS: Mapping[str, Reader] = {
    **dict.fromkeys(("kind", "symbol", "side", "field", "value"), text),
    **dict.fromkeys(("times", "milliseconds"), whole),
    **dict.fromkeys(("quantity", "price", "fraction"), number),
    **dict.fromkeys(("tick_size", "quantity_step", "min_quantity", "min_notional"), number),
}


def incidents_from_json(document: object) -> list[Incident] | IncidentSchedule:
    """Return what `POST /simulator/incidents` describes: incidents, or a schedule of them.

    Raises TroubleError.
    """
    if isinstance(document, dict) and "seed" in document:
        if document.keys() <= {"seed", "rate", "kinds"}:
            return read_schedule(document, IncidentSchedule)
    elif isinstance(document, dict) and isinstance(document.get("incidents"), list):
        return [_incident(row) for row in document["incidents"]]
    raise TroubleError(FORM)


def _incident(row: object) -> Incident:
    if not isinstance(row, dict):
        raise TroubleError(f"an incident is an object, not {row!r}")
    fields = read_fields("an incident", row, READERS)
    for name in ("kind", "symbol"):
        if name not in fields:
            raise TroubleError(
                f"an incident needs a {name}, such as {name} of docs/simulator-incidents.md"
            )
    if fields["kind"] not in KINDS:
        raise TroubleError(
            f"there is no incident {fields['kind']!r}: choose from {', '.join(sorted(KINDS))}"
        )
    return Incident(**fields)
