"""Faults on request: what goes wrong before or after the exchange handled a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

Action = Literal["delay", "drop_before", "drop_after", "refuse", "status"]
ACTIONS: tuple[Action, ...] = ("delay", "drop_before", "drop_after", "refuse", "status")


class FaultError(ValueError):
    """A fault is described wrongly; the text says what is expected."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a fault plan sees it; `count` is its number at this path, from 1."""

    method: str
    path: str
    parameters: Mapping[str, object]
    count: int
    now: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong.

    `delay` answers `delay_ms` late, `drop_before` breaks the connection before the exchange saw the
    request, `drop_after` after it acted, `refuse` answers `ret_code` without acting, `status`
    answers a bare HTTP status without acting.
    """

    action: Action
    delay_ms: int = 0
    ret_code: int = 10016
    ret_msg: str = "Server error."
    status: int = 503
    body: str = ""


class FaultPlan(Protocol):
    """Decides what goes wrong; asked once before each call and once after it."""

    def before(self, call: Call) -> Fault | None:
        """Return the fault that strikes before the exchange acts, if any."""

    def after(self, call: Call, ret_code: int) -> Fault | None:
        """Return the fault that strikes the answer of an exchange that has acted, if any."""


class NoFaults:
    """Nothing goes wrong."""

    def before(self, call: Call) -> Fault | None:
        """Return no fault."""
        return None

    def after(self, call: Call, ret_code: int) -> Fault | None:
        """Return no fault."""
        return None


@dataclass(slots=True)
class FaultRule:
    """One fault at one path: the calls after the first `skip`, `times` of them."""

    path: str
    fault: Fault
    skip: int = 0
    times: int = 1

    def strikes(self, call: Call) -> bool:
        """Count a call and tell whether it is hit."""
        if call.path != self.path or self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class ScriptedFaults:
    """Faults from a list of rules; the first rule that strikes wins."""

    def __init__(self, rules: list[FaultRule]) -> None:
        self.rules = rules

    def before(self, call: Call) -> Fault | None:
        """Return the fault of the first rule about the request that strikes."""
        return self._strike(call, after=False)

    def after(self, call: Call, ret_code: int) -> Fault | None:
        """Return the fault of the first rule about the answer that strikes."""
        return self._strike(call, after=True)

    def _strike(self, call: Call, *, after: bool) -> Fault | None:
        for rule in self.rules:
            if (rule.fault.action in {"delay", "drop_after"}) == after and rule.strikes(call):
                return rule.fault
        return None


def faults_from_json(document: object) -> FaultPlan:
    """Return the plan that `POST /simulator/faults` describes; an empty list means none.

    Form: `{"faults": [{"path", "action", "skip", "times", "delay_ms", "ret_code", "ret_msg",
    "status", "body"}]}`. Raises FaultError.
    """
    rows = document.get("faults") if isinstance(document, dict) else None
    if not isinstance(rows, list):
        raise FaultError('expected {"faults": [...]}')
    rules = [_rule(row) for row in rows]
    return ScriptedFaults(rules) if rules else NoFaults()


def _rule(row: object) -> FaultRule:
    if not isinstance(row, dict) or not str(row.get("path", "")).startswith("/"):
        raise FaultError("every fault needs a path, for example /v5/order/create")
    action = row.get("action")
    if action not in ACTIONS:
        raise FaultError(f"a fault's action must be one of {', '.join(ACTIONS)}, not {action!r}")
    numbers = {"skip": 0, "times": 1, "delay_ms": 0, "ret_code": 10016, "status": 503}
    for name, default in numbers.items():
        value = row.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise FaultError(f"a fault's {name} must be a whole number from 0, not {value!r}")
        numbers[name] = value
    fault = Fault(
        action=action,
        delay_ms=numbers["delay_ms"],
        ret_code=numbers["ret_code"],
        ret_msg=str(row.get("ret_msg", "Server error.")),
        status=numbers["status"],
        body=str(row.get("body", "")),
    )
    return FaultRule(str(row["path"]), fault, skip=numbers["skip"], times=numbers["times"])
