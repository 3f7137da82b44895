"""Incidents as JSON: the body of `POST /simulator/incidents`."""

from __future__ import annotations

from pydantic import TypeAdapter

from pumpwatch_workbench.simulator.troubles.forms import TroubleError, read, read_schedule
from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident
from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS
from pumpwatch_workbench.simulator.troubles.incidents.schedule import IncidentSchedule

FORM = (
    'expected {"incidents": [...]}, or {"seed": S, "rate": R, "kinds": [...]} with a rate from 0'
    " to 1 (0 ends the schedule)"
)
INCIDENT = TypeAdapter(Incident)


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
    incident = read(INCIDENT, row)
    if incident.kind not in KINDS:
        raise TroubleError(
            f"there is no incident {incident.kind!r}: choose from {', '.join(sorted(KINDS))}"
        )
    return incident
