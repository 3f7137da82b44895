"""Faults as JSON: the body of `POST /simulator/faults`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

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
from pumpwatch_workbench.simulator.troubles.forms import (
    LARGEST,
    Reader,
    TroubleError,
    flag,
    read_fields,
    read_schedule,
    whole,
)

FORM = 'expected {"faults": [...]}, {"seed": S, "rate": R} or {"clock_skew_ms": M}'
MOST_SKEW_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """Control call content: a plan, and how far the exchange's clock is ahead."""

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
    skew = whole(
        "clock_skew_ms", document.get("clock_skew_ms", 0), least=-MOST_SKEW_MS, most=MOST_SKEW_MS
    )
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
    fields = read_fields("a fault", row, READERS)
    rule = {name: fields.pop(name) for name in ("path", "skip", "times") if name in fields}
    fault = _base(fields.pop("action", None), fields.pop("fault", None))
    changes = {name: value for name, value in fields.items() if value is not None}
    if changes.get("acted") is False and fault.action in ALWAYS_ACTED:
        raise TroubleError(f"{fault.action} always strikes after the exchange acted")
    if changes.get("acted") and fault.action in ("drop_before", *CONDITIONS):
        raise TroubleError(f"{fault.action} cannot strike after the exchange acted")
    return FaultRule(fault=replace(fault, **changes), **rule)


def _base(action: object, name: object) -> Fault:
    """Return the fault that a rule begins with: a known one by its name, or a bare action."""
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


def _as_is(name: str, value: object) -> object:
    return value


def _as_text(name: str, value: object) -> str:
    return str(value)


def _optional_time(name: str, value: object) -> int | None:
    return None if value is None else whole(name, value, least=-LARGEST)


def _lists(name: str, value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list) else []
    paths = tuple(LISTS[n] for n in names if isinstance(n, str) and n in LISTS)
    if not paths or len(paths) != len(names):
        raise TroubleError(f"lists must name some of {', '.join(LISTS)}, not {value!r}")
    return paths


READERS: Mapping[str, Reader] = {
    **dict.fromkeys(("action", "fault"), _as_is),
    **dict.fromkeys(("path", "ret_msg", "body"), _as_text),
    **dict.fromkeys(("skip", "times", "delay_ms", "ret_code"), whole),
    **dict.fromkeys(("drip_ms", "lag_ms", "lasts_ms"), whole),
    **dict.fromkeys(("reset_ms", "clock_skew_ms"), _optional_time),
    **dict.fromkeys(("acted", "chunked"), flag),
    "status": partial(whole, least=200, most=599),
    "lists": _lists,
}
