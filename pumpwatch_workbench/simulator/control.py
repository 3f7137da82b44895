"""/simulator/*: what a test or a driver may ask that the real exchange does not offer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

import orjson

from pumpwatch_workbench.simulator.endpoints.wire.messages import JSON_TYPE, Response, money
from pumpwatch_workbench.simulator.endpoints.wire.rows import execution_row, order_row, position_row
from pumpwatch_workbench.simulator.glance import glance, movers
from pumpwatch_workbench.simulator.troubles.faults.conditions import Conditions
from pumpwatch_workbench.simulator.troubles.faults.forms import faults_from_json
from pumpwatch_workbench.simulator.troubles.faults.plan import FaultError
from pumpwatch_workbench.simulator.troubles.incidents.forms import incidents_from_json
from pumpwatch_workbench.simulator.troubles.incidents.incident import IncidentError
from pumpwatch_workbench.simulator.troubles.incidents.kinds import apply_incident
from pumpwatch_workbench.simulator.troubles.incidents.schedule import schedule_from_json

if TYPE_CHECKING:
    from pumpwatch_workbench.simulator.exchange import Exchange

PREFIX = "/simulator/"


class ControlError(ValueError):
    """A control call cannot be done; the text says why."""


def handle(exchange: Exchange, method: str, path: str, body: bytes) -> Response:
    """Answer a control call: 200 with a result, 400 with {"error"}, 404 for unknown paths."""
    answer = ANSWERS.get((method, path))
    if answer is None:
        return _json(404, {"error": f"no control call {method} {path}"})
    try:
        return _json(200, answer(exchange, body))
    except (ControlError, FaultError) as error:
        return _json(400, {"error": str(error)})


def _json(status: int, document: object) -> Response:
    return Response(
        status,
        orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY),
        {"Content-Type": JSON_TYPE},
    )


def _document(body: bytes) -> object:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ControlError(f"the body is not JSON: {error}") from error


def _movers(exchange: Exchange, _: bytes) -> dict[str, object]:
    return {"movers": movers(exchange)}


def _faults(exchange: Exchange, body: bytes) -> dict[str, object]:
    order = faults_from_json(_document(body))
    exchange.faults, exchange.clock_skew_ms = order.plan, order.clock_skew_ms
    exchange.conditions = Conditions()
    return {}


def _incidents(exchange: Exchange, body: bytes) -> dict[str, object]:
    exchange.catch_up()
    document = _document(body)
    applied = 0
    try:
        if isinstance(document, dict) and "seed" in document:
            exchange.incidents = schedule_from_json(document)
        else:
            for incident in incidents_from_json(document):
                apply_incident(exchange.engine, incident)
                exchange.happened[incident.kind] += 1
                applied += 1
    except IncidentError as error:
        raise ControlError(str(error)) from error
    return {"applied": applied, "time": exchange.catch_up()}


def _clock(exchange: Exchange, body: bytes) -> dict[str, object]:
    time = _advance(exchange, _document(body))
    return {"time": time, "requests": sum(exchange.requests.values())}


def _advance(exchange: Exchange, document: object) -> int:
    target = document.get("advance_to") if isinstance(document, dict) else None
    if isinstance(target, bool) or not isinstance(target, int):
        raise ControlError('expected {"advance_to": milliseconds}')
    if not exchange.clock.stepped:
        raise ControlError("this market clock follows the wall; start with --stepped to move it")
    now = exchange.clock.now()
    if target < now:
        raise ControlError(f"the market clock stands at {now} and cannot go back to {target}")
    exchange.clock.advance_to(target)
    return exchange.catch_up()


def state(exchange: Exchange) -> dict[str, object]:
    """Return everything a driver needs to check invariants, at the present market time."""
    now = exchange.catch_up()
    ledger = exchange.engine.ledger
    bare = ledger.protection.by_symbol(now)
    filled = Counter(o.link_id for o in ledger.orders.values() if o.link_id and o.filled)
    return {
        "time": now,
        "stepped": exchange.clock.stepped,
        "start": exchange.started,
        "symbols": len(exchange.market.listings),
        "planted": [asdict(event) for event in exchange.market.planted],
        # Only a replay knows where its contracts come from, which other pumps are labelled in them,
        # and which events it left out.
        "known": getattr(exchange.market, "known_onsets", ()),
        "origins": {
            one.symbol: {"segment": one.segment, "onset": one.recorded_onset}
            for one in getattr(exchange.market, "contracts", ())
        },
        "dropped": [
            {"segment": one.segment, "onset": one.recorded_onset, "reason": one.reason}
            for one in getattr(exchange.market, "dropped", ())
        ],
        "requests": dict(sorted(exchange.requests.items())),
        "faults": dict(sorted(exchange.injected.items())),
        "incidents": dict(sorted(exchange.happened.items())),
        "clock_skew_ms": exchange.clock_skew_ms,
        "orders": [order_row(order) for order in ledger.orders.values()],
        "executions": [execution_row(row) for row in ledger.executions],
        "positions": [position_row(ledger, p, now) for p in ledger.held()],
        "wallet": money(ledger.wallet),
        "equity": money(ledger.wallet + ledger.unrealised()),
        "realised_pnl": money(ledger.pnl_total - ledger.fee_total - ledger.funding_total),
        "fees": money(ledger.fee_total),
        "funding": money(ledger.funding_total),
        "unprotected_ms_max": max(bare.values(), default=0),
        "unprotected_ms": bare,
        "duplicate_fills": sorted(link for link, count in filled.items() if count > 1),
    }


ANSWERS: Mapping[tuple[str, str], Callable[[Exchange, bytes], object]] = {
    ("GET", "/simulator/state"): lambda exchange, _: state(exchange),
    ("GET", "/simulator/glance"): lambda exchange, _: glance(exchange),
    ("GET", "/simulator/movers"): _movers,
    ("POST", "/simulator/clock"): _clock,
    ("POST", "/simulator/faults"): _faults,
    ("POST", "/simulator/incidents"): _incidents,
}
