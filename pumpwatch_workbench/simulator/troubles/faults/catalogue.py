"""The faults that have a name: for control calls, for the seeded schedule and for reports."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Literal

from pumpwatch_workbench.simulator.engine.settings import FORBIDDEN_TEXT
from pumpwatch_workbench.simulator.troubles.faults.plan import Call, Fault

Scope = Literal["any", "signed", "post", "create", "trading"]
"""Calls that a fault makes sense for: all, those with a key, those that act, new orders, and those
after which orders or positions are looked at or changed."""

CREATE = "/v5/order/create"
ORDERS, HISTORY = "/v5/order/realtime", "/v5/order/history"
EXECUTIONS, POSITIONS = "/v5/execution/list", "/v5/position/list"
LISTS = {
    "orders": ORDERS,
    "history": HISTORY,
    "executions": EXECUTIONS,
    "positions": POSITIONS,
}
TOO_MANY_TEXT = "Too many visits. Exceeded the API Rate Limit."
COUNTRY_PAGE = (
    "<!DOCTYPE HTML PUBLIC '-//W3C//DTD HTML 4.01 Transitional//EN'><HTML><HEAD>"
    "<TITLE>ERROR: The request could not be satisfied</TITLE></HEAD><BODY><H1>403 ERROR</H1>"
    "The Amazon CloudFront distribution is configured to block access from your country."
    "</BODY></HTML>"
)


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A named fault, where it fits, and how often the schedule takes it beside the others."""

    fault: Fault
    scope: Scope = "any"
    weight: float = 1.0
    vary: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Fields that are drawn anew for each occurrence, with the ends of their ranges."""

    def fits(self, call: Call) -> bool:
        """Tell whether the schedule may inject it into a call."""
        return SCOPES[self.scope](call)

    def drawn(self, source: Random) -> Fault:
        """Return one occurrence of the fault."""
        changes: dict[str, Any] = {n: _between(source, *ends) for n, ends in self.vary.items()}
        return replace(self.fault, **changes)


SCOPES: Mapping[Scope, Callable[[Call], bool]] = {
    "any": lambda call: True,
    "signed": lambda call: not call.path.startswith("/v5/market/"),
    "post": lambda call: call.method == "POST",
    "create": lambda call: call.path == CREATE,
    "trading": lambda call: call.method == "POST" or call.path in LISTS.values(),
}
AHEAD = {"clock_skew_ms": (6_000, 60_000)}
BEHIND = {"clock_skew_ms": (-1_500, -60_000)}
LATE = {"delay_ms": (100, 3_000)}
HIDING = {"lasts_ms": (100, 5_000)}
LAGGING = {"lag_ms": (100, 3_000), "lasts_ms": (0, 3_000)}


def _between(source: Random, first: int, last: int) -> int:
    # Not `randrange`: how it draws has changed between versions of Python.
    step = int(source.random() * (abs(last - first) + 1))
    return first + step if last > first else first - step


def _refuse(code: int, text: str, *, acted: bool = False, reset_ms: int | None = None) -> Fault:
    return Fault("refuse", acted, ret_code=code, ret_msg=text, reset_ms=reset_ms)


def _page(status: int, text: str, *, acted: bool = False) -> Fault:
    page = f"<html><head><title>{status} {text}</title></head><body><h1>{text}</h1></body></html>"
    return Fault("status", acted, status=status, body=page)


def _stale(*lists: str) -> Fault:
    return Fault("stale", lag_ms=1_000, lasts_ms=1_000, lists=tuple(LISTS[name] for name in lists))


_KINDS = {
    "drop_before": FaultKind(Fault("drop_before")),
    "drop_after": FaultKind(Fault("drop_after")),
    "delay": FaultKind(Fault("delay", delay_ms=1_000), vary=LATE),
    "reset_before": FaultKind(Fault("reset")),
    "reset_after": FaultKind(Fault("reset", acted=True)),
    "truncate": FaultKind(Fault("truncate")),
    "truncate_chunked": FaultKind(Fault("truncate", chunked=True)),
    "drip": FaultKind(Fault("drip"), weight=0.1),
    "duplicate_delivery": FaultKind(Fault("duplicate_delivery"), "post"),
    "timeout_10000": FaultKind(_refuse(10000, "Server Timeout")),
    "timeout_10000_acted": FaultKind(_refuse(10000, "Server Timeout", acted=True), "post"),
    "error_10016": FaultKind(_refuse(10016, "Server error.")),
    "error_10016_acted": FaultKind(_refuse(10016, "Server error.", acted=True), "post"),
    "rate_10006": FaultKind(_refuse(10006, TOO_MANY_TEXT, reset_ms=400)),
    "rate_10006_bare": FaultKind(_refuse(10006, TOO_MANY_TEXT)),
    "rate_10006_past": FaultKind(_refuse(10006, TOO_MANY_TEXT, reset_ms=-5_000)),
    "rate_10006_far": FaultKind(_refuse(10006, TOO_MANY_TEXT, reset_ms=3_600_000)),
    "clock_ahead": FaultKind(Fault("clock_skew", clock_skew_ms=10_000), "signed", vary=AHEAD),
    "clock_behind": FaultKind(Fault("clock_skew", clock_skew_ms=-3_000), "signed", vary=BEHIND),
    "forbidden_page": FaultKind(Fault("status", status=403, body=COUNTRY_PAGE), weight=0.5),
    "forbidden_text": FaultKind(Fault("status", status=403, body=FORBIDDEN_TEXT), weight=0.5),
    "unauthorised": FaultKind(Fault("status", status=401), "signed", weight=0.5),
    "too_many_429": FaultKind(_page(429, "Too Many Requests")),
    "http_500": FaultKind(_page(500, "Internal Server Error")),
    "http_500_acted": FaultKind(_page(500, "Internal Server Error", acted=True), "post"),
    "http_502": FaultKind(_page(502, "Bad Gateway")),
    "http_502_acted": FaultKind(_page(502, "Bad Gateway", acted=True), "post"),
    "http_503": FaultKind(_page(503, "Service Unavailable")),
    "http_503_acted": FaultKind(_page(503, "Service Unavailable", acted=True), "post"),
    "not_json": FaultKind(Fault("not_json")),
    "not_json_acted": FaultKind(Fault("not_json", acted=True), "post"),
    "empty": FaultKind(Fault("empty")),
    "empty_acted": FaultKind(Fault("empty", acted=True), "post"),
    "null_result": FaultKind(Fault("null_result")),
    "hidden_order": FaultKind(
        Fault("hide_orders", ret_code=110001, lasts_ms=1_000), "create", vary=HIDING
    ),
    "hidden_order_empty": FaultKind(
        Fault("hide_orders", ret_code=0, lasts_ms=1_000), "create", vary=HIDING
    ),
    "stale_orders": FaultKind(_stale("orders"), "trading", vary=LAGGING),
    "stale_positions": FaultKind(_stale("positions"), "trading", vary=LAGGING),
    "stale_history": FaultKind(_stale("history", "executions"), "trading", vary=LAGGING),
}

KINDS: Mapping[str, FaultKind] = {
    name: replace(kind, fault=replace(kind.fault, name=name)) for name, kind in _KINDS.items()
}
"""Every named fault. The names are part of the control calls and of reports: do not change them."""
