"""What the account looked like before: for lists that lag behind."""

from __future__ import annotations

import copy

from pumpwatch_workbench.simulator.endpoints.state import ExchangeState
from pumpwatch_workbench.simulator.engine.ledger import Ledger

KEPT_MS = 600_000
"""How far back states are kept, market time."""


class Past:
    """States of a ledger, one for each change that was noted."""

    def __init__(self) -> None:
        self._states: list[tuple[int, Ledger]] = []
        self._latest: tuple[int, int, int] | None = None

    def note(self, ledger: Ledger) -> None:
        """Remember the ledger if it has changed, dated with its last change."""
        mark = (ledger.version, len(ledger.orders), len(ledger.executions))
        if mark == self._latest:
            return
        self._latest = mark
        time = max(changed_at(ledger), self._states[-1][0] if self._states else 0)
        self._states.append((time, copied(ledger)))
        while len(self._states) > 1 and self._states[1][0] < time - KEPT_MS:
            del self._states[0]

    def at(self, time: int) -> Ledger:
        """Return the ledger as it was at `time`, or as it was first noted.

        Raises LookupError when nothing was noted yet.
        """
        if not self._states:
            raise LookupError("no state of the account was noted")
        for noted, ledger in reversed(self._states):
            if noted <= time:
                return ledger
        return self._states[0][1]


def changed_at(ledger: Ledger) -> int:
    """Return when an order, a position or an execution last changed, 0 for an untouched account."""
    times = [order.updated for order in ledger.orders.values()]
    times += [position.updated for position in ledger.positions.values()]
    times += [execution.time for execution in ledger.executions[-1:]]
    return max(times, default=0)


def copied(ledger: Ledger) -> Ledger:
    """Return a ledger that later changes leave as it is; marks stay those of the present."""
    past = copy.copy(ledger)
    # What is done does not change any more and is shared.
    past.orders = {
        name: copy.copy(order) if order.is_open else order for name, order in ledger.orders.items()
    }
    past.by_link = {link: past.orders[one.order_id] for link, one in ledger.by_link.items()}
    past.active = {
        index: {name: past.orders[name] for name in orders}
        for index, orders in ledger.active.items()
    }
    past.recent = {name: past.orders[name] for name in ledger.recent}
    past.positions = {index: copy.copy(one) for index, one in ledger.positions.items()}
    past.leverages = dict(ledger.leverages)
    past.executions = list(ledger.executions)
    past.closed = list(ledger.closed)
    return past


def seen_at(exchange: ExchangeState, ledger: Ledger) -> ExchangeState:
    """Return the exchange as it answers with the books of another time."""
    view = copy.copy(exchange)
    view.engine = copy.copy(exchange.engine)
    view.engine.ledger = ledger
    return view
