"""Temporary conditions of the exchange: lagging lists, orders that cannot be found."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass

from pumpwatch_workbench.simulator.endpoints.state import ExchangeState
from pumpwatch_workbench.simulator.endpoints.wire.messages import EndpointAnswer, Request
from pumpwatch_workbench.simulator.engine.engine import GONE
from pumpwatch_workbench.simulator.engine.ledger import Ledger
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.troubles.faults.catalogue import (
    CREATE,
    EXECUTIONS,
    HISTORY,
    LISTS,
    ORDERS,
)
from pumpwatch_workbench.simulator.troubles.faults.plan import Call, Fault

LOOK_UPS = frozenset({ORDERS, HISTORY, EXECUTIONS})
BY_ID = LOOK_UPS | {"/v5/order/cancel", "/v5/order/amend"}
KEPT_MS = 600_000
"""Market time for which states of the account are kept."""


@dataclass(frozen=True, slots=True)
class _Condition:
    """A fault in force for the request it began with, and until `until` (market time)."""

    fault: Fault
    number: int
    until: int
    first_hidden: int = 0
    """Sequence number of the oldest order that is not found."""

    def holds(self, number: int, now: int) -> bool:
        return number == self.number or now < self.until


class Conditions:
    """The conditions in force; `begin` starts one, requests ask what it does to them.

    `number` is always that of the request, `now` the market's time.
    """

    def __init__(self) -> None:
        self._lags: dict[str, _Condition] = {}
        self._hidden: _Condition | None = None
        # One state of the ledger for each change that was noted, with the time of the change.
        self._states: list[tuple[int, Ledger]] = []
        self._noted: tuple[int, int, int] | None = None

    @property
    def lagging(self) -> bool:
        """Tell whether a list lags or has lagged since the conditions were made."""
        return bool(self._lags)

    def note(self, ledger: Ledger) -> None:
        """Remember the account as it is now, for lists that lag later on."""
        mark = (ledger.version, len(ledger.orders), len(ledger.executions))
        if mark == self._noted:
            return
        self._noted = mark
        time = max(_changed_at(ledger), self._states[-1][0] if self._states else 0)
        self._states.append((time, _copied(ledger)))
        while len(self._states) > 1 and self._states[1][0] < time - KEPT_MS:
            del self._states[0]

    def begin(self, fault: Fault, call: Call, number: int, ledger: Ledger) -> None:
        """Put a condition in force; a clock that is out concerns the one call, not this."""
        until = call.now + fault.lasts_ms
        if fault.action == "stale":
            lists = tuple(LISTS.values())
            for path in fault.lists or ((call.path,) if call.path in lists else lists):
                self._lags[path] = _Condition(fault, number, until)
        elif fault.action == "hide_orders":
            first = _first_hidden(ledger, coming=call.path == CREATE)
            self._hidden = _Condition(fault, number, until, first)

    def lag(self, paths: Iterable[str], lag_ms: int, until: int) -> None:
        """Let lists answer what was so `lag_ms` before, until a market time."""
        fault = Fault("stale", lag_ms=lag_ms)
        self._lags |= dict.fromkeys(paths, _Condition(fault, 0, until))

    def lag_ms(self, path: str, number: int, now: int) -> int:
        """Return by how much the list at a path lags behind, 0 when it does not."""
        lag = self._lags.get(path)
        return lag.fault.lag_ms if lag is not None and lag.holds(number, now) else 0

    def seen(self, exchange: ExchangeState, path: str, number: int, now: int) -> ExchangeState:
        """Return the exchange as a request for a path sees it."""
        lag = self.lag_ms(path, number, now)
        if not lag:
            return exchange
        view = copy.copy(exchange)
        view.engine = copy.copy(exchange.engine)
        view.engine.ledger = self._account_at(now - lag)
        return view

    def answer_about_hidden(
        self, ledger: Ledger, request: Request, number: int
    ) -> EndpointAnswer | None:
        """Return the empty list a look-up of a hidden order gets; None when it is not hidden.

        Raises Refused 110001 where the condition says so, and for cancelling or amending it.
        """
        hidden = self._hidden
        if hidden is None or request.path not in BY_ID or not hidden.holds(number, request.now):
            return None
        if not _names(ledger, request, hidden.first_hidden):
            return None
        code = hidden.fault.ret_code
        if request.path not in LOOK_UPS:
            raise Refused(110001, GONE)
        if code and request.path != EXECUTIONS:
            raise Refused(code, GONE)
        return EndpointAnswer({"nextPageCursor": "", "category": "linear", "list": []})

    def _account_at(self, time: int) -> Ledger:
        earlier = (ledger for noted, ledger in reversed(self._states) if noted <= time)
        return next(earlier, self._states[0][1])


def _first_hidden(ledger: Ledger, *, coming: bool) -> int:
    """Return the sequence number from which on orders are hidden: the coming or the newest one."""
    if coming:
        return max((order.sequence for order in ledger.orders.values()), default=0) + 1
    placed = [order.sequence for order in ledger.orders.values() if order.link_id]
    return max(placed, default=0)


def _names(ledger: Ledger, request: Request, first: int) -> bool:
    identity, link = request.text("orderId"), request.text("orderLinkId")
    order = ledger.orders.get(identity) if identity else ledger.by_link.get(link) if link else None
    return order is not None and order.sequence >= first


def _changed_at(ledger: Ledger) -> int:
    """Return when an order, a position or an execution last changed, 0 for an untouched account."""
    times = [order.updated for order in ledger.orders.values()]
    times += [position.updated for position in ledger.positions.values()]
    times += [execution.time for execution in ledger.executions[-1:]]
    return max(times, default=0)


def _copied(ledger: Ledger) -> Ledger:
    """Return a ledger that later changes leave as it is; marks stay those of the present."""
    past = copy.copy(ledger)
    # What is done does not change any more and is shared.
    past.orders = {
        name: copy.copy(order) if order.is_open else order for name, order in ledger.orders.items()
    }
    past.by_link = {link: past.orders[order.order_id] for link, order in ledger.by_link.items()}
    past.active = {
        index: {name: past.orders[name] for name in orders}
        for index, orders in ledger.active.items()
    }
    past.recent = {name: past.orders[name] for name in ledger.recent}
    past.positions = {index: copy.copy(position) for index, position in ledger.positions.items()}
    past.leverages = dict(ledger.leverages)
    past.executions = list(ledger.executions)
    past.closed = list(ledger.closed)
    return past
