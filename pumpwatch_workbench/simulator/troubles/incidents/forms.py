"""Read incidents from JSON."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal, InvalidOperation
from typing import Any, get_args, get_type_hints

from pumpwatch_workbench.simulator.troubles.incidents.incident import Incident, IncidentError
from pumpwatch_workbench.simulator.troubles.incidents.kinds import KINDS


def incidents_from_json(document: object) -> list[Incident]:
    """Read `{"incidents": [{"kind", "symbol", ...}]}`. Raises IncidentError."""
    rows = document.get("incidents") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise IncidentError('expected {"incidents": [...]}')
    return [_incident(row) for row in rows]


def _incident(row: object) -> Incident:
    if not isinstance(row, dict):
        raise IncidentError(f"an incident is an object, not {row!r}")
    known = {one.name for one in fields(Incident)}
    unknown = sorted(set(row) - known)
    if unknown:
        raise IncidentError(f"an incident has no {', '.join(unknown)}")
    for name in ("kind", "symbol"):
        if not isinstance(row.get(name), str):
            raise IncidentError(
                f"an incident needs a {name}, such as {name} of docs/simulator-incidents.md"
            )
    if row["kind"] not in KINDS:
        raise IncidentError(f"no incident {row['kind']!r}; there are {', '.join(sorted(KINDS))}")
    hints = get_type_hints(Incident)
    values: dict[str, Any] = {name: _value(name, hints[name], row[name]) for name in row}
    return Incident(**values)


def _value(name: str, hint: object, value: object) -> object:
    if hint is str:
        if not isinstance(value, str):
            raise IncidentError(f"an incident's {name} must be a text, not {value!r}")
        return value
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise IncidentError(
                f"an incident's {name} must be a whole number from 0, not {value!r}"
            )
        return value
    if value is None and type(None) in get_args(hint):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise IncidentError(f"an incident's {name} must be a number, not {value!r}")
    return number
