"""Faults as JSON: the body of `POST /simulator/faults`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pumpwatch_workbench.simulator.troubles.faults.catalogue import KINDS, LISTS
from pumpwatch_workbench.simulator.troubles.faults.plan import (
    ACTIONS,
    ALWAYS_ACTED,
    CONDITIONS,
    Fault,
    FaultError,
    FaultPlan,
    FaultRule,
    NoFaults,
    ScriptedFaults,
)
from pumpwatch_workbench.simulator.troubles.faults.schedule import FaultSchedule

FORM = 'expected {"faults": [...]}, {"seed": S, "rate": R} or {"clock_skew_ms": M}'
LARGEST = 10**12
MOST_SKEW_MS = 86_400_000
WHOLE = ("delay_ms", "ret_code", "status", "drip_ms", "lag_ms", "lasts_ms")
SIGNED = ("reset_ms", "clock_skew_ms")
TEXTS = ("ret_msg", "body")
FLAGS = ("acted", "chunked")
RULE = {"path", "action", "fault", "skip", "times", "lists"}
STATUSES = range(200, 600)


@dataclass(frozen=True, slots=True)
class FaultOrder:
    """What a control call asks for: a plan, and how far the exchange's clock is ahead."""

    plan: FaultPlan = field(default_factory=NoFaults)
    clock_skew_ms: int = 0


def faults_from_json(document: object) -> FaultOrder:
    """Return what `POST /simulator/faults` describes; an empty list of faults means none.

    Rules: `{"faults": [{"path", "action" or "fault", "skip", "times", ...}]}`, where the rest are
    the fields of `Fault`. A schedule: `{"seed", "rate", "kinds"}`. Either may come with
    `clock_skew_ms`, which also stands alone. Raises FaultError.
    """
    known = {"faults", "seed", "rate", "kinds", "clock_skew_ms"}
    if not isinstance(document, dict) or not document or not document.keys() <= known:
        raise FaultError(FORM)
    skew = _whole(document, "clock_skew_ms", 0, least=-MOST_SKEW_MS, most=MOST_SKEW_MS)
    if "faults" in document:
        if document.keys() & {"seed", "rate", "kinds"}:
            raise FaultError("give a list of faults or a seed, not both")
        return FaultOrder(_rules(document["faults"]), skew)
    if "seed" in document:
        return FaultOrder(_schedule(document), skew)
    if "clock_skew_ms" not in document:
        raise FaultError(FORM)
    return FaultOrder(clock_skew_ms=skew)


def _schedule(document: dict[str, object]) -> FaultSchedule:
    seed = _whole(document, "seed", 0, least=-LARGEST)
    rate = document.get("rate", 0.02)
    if isinstance(rate, bool) or not isinstance(rate, int | float):
        raise FaultError(f"the rate of faults is {rate!r}: give a number from 0 to 1")
    kinds = document.get("kinds")
    if kinds is None:
        return FaultSchedule(seed, rate)
    if isinstance(kinds, list) and all(isinstance(name, str) for name in kinds):
        return FaultSchedule(seed, rate, kinds=kinds)
    if isinstance(kinds, dict) and all(_is_number(weight) for weight in kinds.values()):
        return FaultSchedule(seed, rate, kinds=kinds)
    raise FaultError("kinds must be a list of names, or an object of names and weights")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rules(rows: object) -> FaultPlan:
    if not isinstance(rows, list):
        raise FaultError(FORM)
    rules = [_rule(row) for row in rows]
    return ScriptedFaults(rules) if rules else NoFaults()


def _rule(row: object) -> FaultRule:
    if not isinstance(row, dict) or not str(row.get("path", "")).startswith("/"):
        raise FaultError("every fault needs a path, for example /v5/order/create")
    unknown = row.keys() - RULE - {*WHOLE, *SIGNED, *TEXTS, *FLAGS}
    if unknown:
        raise FaultError(f"a fault has no field {', '.join(sorted(map(str, unknown)))}")
    return FaultRule(
        str(row["path"]), _fault(row), skip=_whole(row, "skip", 0), times=_whole(row, "times", 1)
    )


def _fault(row: dict[str, object]) -> Fault:
    fault = _base(row)
    whole = {name: _whole(row, name, getattr(fault, name)) for name in WHOLE}
    if whole["status"] not in STATUSES:
        raise FaultError(f"a fault's status must be an HTTP status, not {whole['status']}")
    signed = {
        name: _whole(row, name, getattr(fault, name), least=-LARGEST)
        for name in SIGNED
        if row.get(name) is not None
    }
    texts = {name: str(row[name]) for name in TEXTS if name in row}
    flags = {name: _flag(row, name) for name in FLAGS if name in row}
    if flags.get("acted") is False and fault.action in ALWAYS_ACTED:
        raise FaultError(f"{fault.action} always strikes after the exchange acted")
    if flags.get("acted") and fault.action in {"drop_before", *CONDITIONS}:
        raise FaultError(f"{fault.action} cannot strike after the exchange acted")
    lists = {"lists": _lists(row["lists"])} if "lists" in row else {}
    return replace(fault, **whole, **signed, **texts, **flags, **lists)  # type: ignore[arg-type]


def _base(row: dict[str, object]) -> Fault:
    """Return the fault that the row begins with: one by name, or a bare action."""
    action, name = row.get("action"), row.get("fault")
    if name is not None:
        if action is not None:
            raise FaultError("a fault has either an action or the name of a known fault, not both")
        if not isinstance(name, str) or name not in KINDS:
            raise FaultError(f"there is no fault {name!r}: choose from {', '.join(KINDS)}")
        return KINDS[name].fault
    for known in ACTIONS:
        if action == known:
            return Fault(known)
    raise FaultError(f"a fault's action must be one of {', '.join(ACTIONS)}, not {action!r}")


def _whole(
    row: dict[str, object], name: str, default: int, *, least: int = 0, most: int = LARGEST
) -> int:
    value = row.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        span = f"from {least}" if most == LARGEST else f"from {least} to {most}"
        raise FaultError(f"{name} must be a whole number {span}, not {value!r}")
    return value


def _flag(row: dict[str, object], name: str) -> bool:
    value = row[name]
    if not isinstance(value, bool):
        raise FaultError(f"a fault's {name} must be true or false, not {value!r}")
    return value


def _lists(names: object) -> tuple[str, ...]:
    known = isinstance(names, list) and [
        LISTS[n] for n in names if isinstance(n, str) and n in LISTS
    ]
    if not isinstance(names, list) or not known or len(known) != len(names):
        raise FaultError(f"lists must name some of {', '.join(LISTS)}, not {names!r}")
    return tuple(known)
