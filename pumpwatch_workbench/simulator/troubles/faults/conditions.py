"""What is wrong with the exchange for a while: lagging lists, orders that cannot be found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pumpwatch_workbench.simulator.endpoints.wire.messages import Answer, Request
from pumpwatch_workbench.simulator.engine.engine import GONE
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.troubles.faults.catalogue import (
    CREATE,
    EXECUTIONS,
    HISTORY,
    LISTS,
    ORDERS,
)
from pumpwatch_workbench.simulator.troubles.faults.past import Past, seen_at
from pumpwatch_workbench.simulator.troubles.faults.plan import Call, Fault

if TYPE_CHECKING:
    from pumpwatch_workbench.simulator.endpoints.floor import Floor
    from pumpwatch_workbench.simulator.engine.ledger import Ledger

LIST_PATHS = frozenset(LISTS.values())
LOOK_UPS = frozenset({ORDERS, HISTORY, EXECUTIONS})
BY_ID = LOOK_UPS | {"/v5/order/cancel", "/v5/order/amend"}


@dataclass(frozen=True, slots=True)
class _Spell:
    """A condition holds for the request it began with, and until `until` (market time)."""

    number: int
    until: int

    def holds(self, number: int, now: int) -> bool:
        return number == self.number or now < self.until


@dataclass(frozen=True, slots=True)
class _Lag:
    spell: _Spell
    lag_ms: int


@dataclass(frozen=True, slots=True)
class _Hidden:
    spell: _Spell
    first: int
    """Sequence number of the oldest order that is not found."""
    ret_code: int


class Conditions:
    """The conditions in force; `begin` starts one, requests ask what it does to them.

    `number` is always that of the request, `now` the market's time.
    """

    def __init__(self) -> None:
        self._lags: dict[str, _Lag] = {}
        self._hidden: _Hidden | None = None
        self._past = Past()

    @property
    def lagging(self) -> bool:
        """Tell whether a list lags or has lagged since the conditions were made."""
        return bool(self._lags)

    def note(self, ledger: Ledger) -> None:
        """Remember the account as it is now, for lists that lag later on."""
        self._past.note(ledger)

    def begin(self, fault: Fault, call: Call, number: int, ledger: Ledger) -> None:
        """Put a condition in force; a clock that is out concerns the one call, not this."""
        spell = _Spell(number, call.now + fault.lasts_ms)
        if fault.action == "stale":
            own = (call.path,) if call.path in LIST_PATHS else tuple(LISTS.values())
            self._lags |= dict.fromkeys(fault.lists or own, _Lag(spell, fault.lag_ms))
        elif fault.action == "hide_orders":
            first = _first_hidden(ledger, coming=call.path == CREATE)
            self._hidden = _Hidden(spell, first, fault.ret_code)

    def lag(self, paths: Iterable[str], lag_ms: int, until: int) -> None:
        """Let lists answer what was so `lag_ms` before, until a market time."""
        self._lags |= dict.fromkeys(paths, _Lag(_Spell(0, until), lag_ms))

    def lag_ms(self, path: str, number: int, now: int) -> int:
        """Return by how much the list at a path lags behind, 0 when it does not."""
        lag = self._lags.get(path)
        return lag.lag_ms if lag is not None and lag.spell.holds(number, now) else 0

    def seen(self, floor: Floor, path: str, number: int, now: int) -> Floor:
        """Return the exchange as a request for a path sees it."""
        lag = self.lag_ms(path, number, now)
        return seen_at(floor, self._past.at(now - lag)) if lag else floor

    def answer_about_hidden(self, ledger: Ledger, request: Request, number: int) -> Answer | None:
        """Return the empty list a look-up of a hidden order gets; None when it is not hidden.

        Raises Refused 110001 where the condition says so, and for cancelling or amending it.
        """
        hidden = self._hidden
        if hidden is None or request.path not in BY_ID:
            return None
        if not hidden.spell.holds(number, request.now) or not _names(ledger, request, hidden.first):
            return None
        if request.path not in LOOK_UPS:
            raise Refused(110001, GONE)
        if hidden.ret_code and request.path != EXECUTIONS:
            raise Refused(hidden.ret_code, GONE)
        return Answer({"nextPageCursor": "", "category": "linear", "list": []})


def _first_hidden(ledger: Ledger, *, coming: bool) -> int:
    """Return the sequence number from which on orders are hidden: the coming or the newest one."""
    if coming:
        return max((order.sequence for order in ledger.orders.values()), default=0) + 1
    placed = [order.sequence for order in ledger.orders.values() if order.link_id]
    return max(placed, default=0)


def _names(ledger: Ledger, request: Request, first: int) -> bool:
    """Tell whether the request asks by id for an order from that sequence number on."""
    identity, link = request.text("orderId"), request.text("orderLinkId")
    order = ledger.orders.get(identity) if identity else ledger.by_link.get(link) if link else None
    return order is not None and order.sequence >= first
