"""Faults of a call, and plans that say when they strike.

A fault strikes before the exchange acts (it then never acts), or after it acted (the order stands,
only the answer suffers), or it is a condition: the call goes on, but something about the exchange
is different for it or for a while. `catalogue` has the faults that have a name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

CONDITIONS = ("clock_skew", "stale", "hide_orders")
ALWAYS_ACTED = ("delay", "drop_after", "truncate", "drip", "null_result", "duplicate_delivery")
EITHER = ("reset", "refuse", "status", "not_json", "empty")
"""These strike before the exchange acts, or after it when `acted` is set."""
ACTIONS = (*ALWAYS_ACTED, "drop_before", *EITHER, *CONDITIONS)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as a fault plan sees it; `count` is its number at this path, from 1."""

    method: str
    path: str
    count: int
    now: int


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; times are milliseconds.

    `delay` answers late, `drop_before` and `drop_after` close the connection before the exchange
    saw the request or after it acted, `reset` tears it down (TCP RST), `truncate` breaks it off in
    the middle of the body, `drip` sends the body byte by byte, `refuse` answers `ret_code`,
    `status` an HTTP status with `body`, `not_json` and `empty` an HTTP 200 nobody can read,
    `null_result` the right envelope around null, `duplicate_delivery` lets the request arrive twice
    and answers what the second one got. `clock_skew` puts the exchange's clock ahead of the
    client's (behind when negative), `stale` makes lists answer what was so `lag_ms` before, and
    `hide_orders` makes look-ups of the newest order by its id find nothing (`ret_code`, 0 for an
    empty list).
    """

    action: str
    acted: bool = False
    delay_ms: int = 0
    ret_code: int = 10016
    ret_msg: str = "Server error."
    status: int = 503
    body: str = ""
    reset_ms: int | None = None
    """Time until the limit of a `refuse` ends; None sends no rate limit headers."""
    chunked: bool = False
    drip_ms: int = 20
    """Pause after each byte."""
    clock_skew_ms: int = 0
    lag_ms: int = 0
    lasts_ms: int = 0
    """Time that a condition holds, in market time; 0 means for this call only."""
    lists: tuple[str, ...] = ()
    """Paths that `stale` is about; none means the call's own list, or all of them."""
    name: str = ""

    @property
    def label(self) -> str:
        """Return what the fault is counted as: its name, else its action."""
        return self.name or self.action

    @property
    def is_condition(self) -> bool:
        """Tell whether the call goes on under changed circumstances."""
        return self.action in CONDITIONS

    @property
    def strikes_after(self) -> bool:
        """Tell whether the exchange acts and only the answer suffers."""
        return self.action in ALWAYS_ACTED or (self.action in EITHER and self.acted)


class FaultPlan(Protocol):
    """Decides what goes wrong; asked once before each call and once after it."""

    def before(self, call: Call) -> Fault | None:
        """Return the fault that strikes before the exchange acts, or a condition, if any."""

    def after(self, call: Call) -> Fault | None:
        """Return the fault that strikes the answer of an exchange that has acted, if any."""


@dataclass(slots=True)
class FaultRule:
    """One fault at one path: the calls after the first `skip`, `times` of them.

    A path that ends with an asterisk means every path that begins like it.
    """

    path: str
    fault: Fault
    skip: int = 0
    times: int = 1

    def strikes(self, call: Call) -> bool:
        """Count a call and tell whether it is hit."""
        begins = self.path.endswith("*") and call.path.startswith(self.path[:-1])
        if not (begins or call.path == self.path) or self.times <= 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.times -= 1
        return True


class ScriptedFaults:
    """Faults from a list of rules; of those before a call, and of those after, the first wins."""

    def __init__(self, rules: Sequence[FaultRule] = ()) -> None:
        self.rules = rules

    def before(self, call: Call) -> Fault | None:
        """Return the fault of the first rule about the request that strikes."""
        return self._strike(call, after=False)

    def after(self, call: Call) -> Fault | None:
        """Return the fault of the first rule about the answer that strikes."""
        return self._strike(call, after=True)

    def _strike(self, call: Call, *, after: bool) -> Fault | None:
        about = (rule for rule in self.rules if rule.fault.strikes_after == after)
        return next((rule.fault for rule in about if rule.strikes(call)), None)


class NoFaults(ScriptedFaults):
    """Nothing goes wrong."""
