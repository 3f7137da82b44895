"""Faults as JSON: the body of `POST /simulator/faults`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Annotated

from pydantic import Field, StrictInt, TypeAdapter

from pumpwatch_workbench.simulator.troubles.faults.catalogue import KINDS, LISTS
from pumpwatch_workbench.simulator.troubles.faults.plan import (
    ACTIONS,
    ALWAYS_ACTED,
    CONDITIONS,
    Fault,
    FaultPlan,
    FaultRule,
    NoFaults,
    ScriptedFaults,
)
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule
from pumpwatch_workbench.simulator.troubles.forms import TroubleError, read, read_schedule

FORM = 'expected {"faults": [...]}, {"seed": S, "rate": R} or {"clock_skew_ms": M}'
MOST_SKEW_MS = 86_400_000
SKEW = TypeAdapter[int](Annotated[StrictInt, Field(ge=-MOST_SKEW_MS, le=MOST_SKEW_MS)])
FAULT, RULE = TypeAdapter(Fault), TypeAdapter(FaultRule)


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """Contents of a control call: a plan, and the lead of the exchange's clock."""

    plan: FaultPlan = field(default_factory=NoFaults)
    clock_skew_ms: int = 0


def faults_from_json(document: object) -> FaultOrder:
    """Return what `POST /simulator/faults` describes; an empty list of faults means none.

    Rules: `{"faults": [{"path", "action" or "fault", "skip", "times", ...}]}`, where the rest are
    the fields of `Fault`. A schedule: `{"seed", "rate", "kinds"}`. Either may come with
    `clock_skew_ms`, which also stands alone. Raises TroubleError.
    """
    known = {"faults", "seed", "rate", "kinds", "clock_skew_ms"}
    if not isinstance(document, dict) or not document.keys() <= known:
        raise TroubleError(FORM)
    skew = read(SKEW, document.get("clock_skew_ms", 0), "clock_skew_ms")
    if "faults" in document:
        if document.keys() & {"seed", "rate", "kinds"}:
            raise TroubleError("give a list of faults or a seed, not both")
        return FaultOrder(_rules(document["faults"]), skew)
    if "seed" in document:
        return FaultOrder(read_schedule(document, FaultSchedule), skew)
    if "clock_skew_ms" not in document:
        raise TroubleError(FORM)
    return FaultOrder(clock_skew_ms=skew)


def _rules(rows: object) -> FaultPlan:
    if not isinstance(rows, list):
        raise TroubleError(FORM)
    return ScriptedFaults([_rule(row) for row in rows]) if rows else NoFaults()


def _rule(row: object) -> FaultRule:
    if not isinstance(row, dict) or not str(row.get("path", "")).startswith("/"):
        raise TroubleError("every fault needs a path, for example /v5/order/create")
    changes = {name: value for name, value in row.items() if value is not None}
    fault = _base(changes.pop("action", None), changes.pop("fault", None))
    rule = {name: changes.pop(name) for name in ("path", "skip", "times") if name in changes}
    if "lists" in changes:
        changes["lists"] = _lists(changes["lists"])
    if changes.get("acted") is False and fault.action in ALWAYS_ACTED:
        raise TroubleError(f"{fault.action} always strikes after the exchange acted")
    if changes.get("acted") and fault.action in ("drop_before", *CONDITIONS):
        raise TroubleError(f"{fault.action} cannot strike after the exchange acted")
    return read(RULE, rule | {"fault": read(FAULT, asdict(fault) | changes)})


def _base(action: object, name: object) -> Fault:
    if name is None:
        if not isinstance(action, str) or action not in ACTIONS:
            raise TroubleError(
                f"a fault's action must be one of {', '.join(ACTIONS)}, not {action!r}"
            )
        return Fault(action)
    if action is not None:
        raise TroubleError("a fault has either an action or the name of a known fault, not both")
    if not isinstance(name, str) or name not in KINDS:
        raise TroubleError(f"there is no fault {name!r}: choose from {', '.join(KINDS)}")
    return KINDS[name].fault


def _lists(value: object) -> tuple[str, ...]:
    names = [str(name) for name in value] if isinstance(value, list) else []
    if not names or not LISTS.keys() >= set(names):
        raise TroubleError(f"lists must name some of {', '.join(LISTS)}, not {value!r}")
    return tuple(LISTS[name] for name in names)
